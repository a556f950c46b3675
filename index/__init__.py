"""Reference catalogs to embeddings, hashes and local features; matching a listing against them."""

import domain as _domain  # noqa: F401  (before ONNX Runtime is imported: domain keeps it from reporting)
