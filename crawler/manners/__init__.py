"""How the crawl behaves towards sites: when it asks, how often, what it says of itself, and when it stops asking."""
