"""For every test: nothing is reported to anybody (see domain/__init__.py)."""

import domain  # noqa: F401
