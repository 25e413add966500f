"""Everything a test writes goes to folders of its own."""

import os
import tempfile
from pathlib import Path

# Before anything imports Keras: importing it writes its configuration file.
_HOME = Path(tempfile.mkdtemp(prefix="kerasplug-tests-"))
os.environ["KERAS_HOME"] = str(_HOME / "keras")
os.environ["XDG_CACHE_HOME"] = str(_HOME / "cache")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
