"""The BentoML scoring service."""

import os

# BentoML reports its use to its maker unless told not to before it is imported
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
