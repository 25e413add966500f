"""What tests of packages that extend Keras need.

Nothing here needs pytest; where it runs, it is used.
"""

from kerasplug.testing.decorator import requires_keras
from kerasplug.testing.skipping import skip_if_no_keras

__all__ = ["requires_keras", "skip_if_no_keras"]
