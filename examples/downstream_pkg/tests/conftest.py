"""What a test writes goes to folders of its own."""

import os
import tempfile
from pathlib import Path

# Importing Keras writes its configuration file; kerasplug keeps an index.
_HOME = Path(tempfile.mkdtemp(prefix="downstream-pkg-tests-"))
os.environ.setdefault("KERAS_HOME", str(_HOME / "keras"))
os.environ.setdefault("XDG_CACHE_HOME", str(_HOME / "cache"))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
