"""What a crawl still has to ask for. It outlives the process: nothing is lost, and nothing is done twice."""
