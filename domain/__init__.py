"""What everybody talks about: listings, catalogs, matches, signals, assessments, cases, notices. No I/O."""

import os

# ONNX Runtime reports its use to its maker unless told not to before it is imported; every room imports this one first
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
