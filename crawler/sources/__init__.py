"""Where offers come from: pages, and what shops and marketplaces publish for programs. Each source is one file."""
