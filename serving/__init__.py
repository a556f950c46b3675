"""The BentoML scoring service."""

import os

# both report on their users unless told not to before they are first imported
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
