"""Signals, guards and their combination into one calibrated probability. Pure functions, no I/O but the model file."""
