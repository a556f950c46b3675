"""One self-contained HTML page that shows a person what was found, how sure it is, and where it was wrong."""
