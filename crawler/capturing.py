"""From Scrapy's answers to captures, in threads."""
