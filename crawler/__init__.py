"""From the web to listings: guarded fetching, spiders, evidence capture, and a bundled marketplace to practise on."""
