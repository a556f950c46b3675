"""Spiders: which pages to ask for, and what to do with each answer."""
