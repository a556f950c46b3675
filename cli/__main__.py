"""``python -m cli``: the same as the `assayer` command."""

from cli.main import run

run()
