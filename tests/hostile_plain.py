"""A program: plain Keras meets hostile files, and says of each what came of it.

Its arguments are the files; it prints a line of JSON for each, at once.
"""

import json
import os
import signal
import sys
import warnings
from pathlib import Path

PATIENCE_SECONDS = 20


def peak() -> int:
    """The most memory since the last reset, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(one for one in lines if one.startswith("VmHWM")).split()[1]) * 1024


def reset() -> int:
    """Forget the peak; what is used now."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def alarm(*_) -> None:
    """Give up on a file."""
    raise TimeoutError


def main() -> None:
    """Load each file."""
    warnings.simplefilter("ignore")
    import keras

    signal.signal(signal.SIGALRM, alarm)
    for name in sys.argv[1:]:
        before = reset()
        signal.alarm(PATIENCE_SECONDS)
        try:
            keras.models.load_model(name)
            outcome = "loaded"
        except TimeoutError:
            outcome = "hangs"
        except BaseException as error:  # noqa: BLE001 -- whatever it is, it is told
            outcome = f"{type(error).__name__}: {error}"[:300]
        signal.alarm(0)
        keras.backend.clear_session()
        ran = os.path.exists(os.environ["HOSTILE_CANARY"])
        said = {"path": name, "outcome": outcome, "took": peak() - before, "ran": ran}
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


main()
