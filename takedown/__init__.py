"""Notices: formats, lint, bulk drafting, export with proof."""
