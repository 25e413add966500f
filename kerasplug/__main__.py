"""`python -m kerasplug`: the same as the command `kerasplug`."""

import sys

from kerasplug.cli import main

if __name__ == "__main__":
    sys.exit(main())
