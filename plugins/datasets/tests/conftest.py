"""What a test writes goes to folders of its own."""

import os
import tempfile

os.environ.setdefault("XDG_CACHE_HOME", tempfile.mkdtemp(prefix="kerasplug-datasets-"))
