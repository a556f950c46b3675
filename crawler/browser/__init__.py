"""Pages as a browser shows them: for sites that need one, and as evidence of how a page looked."""
