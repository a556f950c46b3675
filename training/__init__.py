"""Data, training, evaluation and ONNX export. Hands over an ONNX file and a manifest, never an import."""

import domain as _domain  # noqa: F401  (before ONNX Runtime is imported: domain keeps it from reporting)
