"""Signals, guards and their combination into one calibrated probability. Pure functions, no I/O but the model file."""

import domain as _domain  # noqa: F401  (before ONNX Runtime is imported: domain keeps it from reporting)
