"""What a test writes goes to folders of its own."""

import os
import tempfile

os.environ.setdefault("XDG_CACHE_HOME", tempfile.mkdtemp(prefix="kerasplug-plaidml-"))
os.environ.setdefault("KERAS_HOME", tempfile.mkdtemp(prefix="kerasplug-plaidml-home-"))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
