"""The `assayer` command: wiring only."""
