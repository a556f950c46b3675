"""Page objects: one small file for each marketplace whose item pages need more than the generic reading.

A file here is found by being here. See docs/page-objects.md.
"""
