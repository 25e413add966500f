"""A program: kerasplug meets hostile files, each in a process with real limits.

Its first argument names the calls, the others are the files; it prints a line of JSON
for each. What needs more than two seconds of a processor, or more than 300 MB, is ended
by the system.
"""

import importlib
import json
import os
import resource
import signal
import sys
from pathlib import Path

SECONDS = 2
BYTES = 300 << 20
#: For what waits and uses no processor.
PATIENCE_SECONDS = 60

#: What may be called with each file: a function, and the module that has it.
HOMES = {
    "load_model": "kerasplug.saving.loading",
    "read_safely": "kerasplug.saving.safe_reading",
    "inspect_model": "kerasplug.saving.inspection",
}
UNWANTED = {"keras", "tensorflow", "jax", "torch", "numpy", "h5py", "yaml"}


def said(call: str, name: str) -> dict[str, object]:
    """What a call says of a file; nothing else may have happened."""
    function = getattr(sys.modules[HOMES[call]], call)
    found: dict[str, object] = {"path": name, "call": call}
    try:
        result = function(name)
        if call == "inspect_model":
            found["dangers"] = [one.kind for one in result.dangers]
            found["text"] = str(result)
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is told
        found["error"], found["text"] = type(error).__name__, str(error)
    found["modules"] = sorted(UNWANTED & set(sys.modules))
    return found


def ask(call: str, name: str) -> dict[str, object]:
    """The same in a process of its own, with what it took."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
        signal.alarm(PATIENCE_SECONDS)
        os.write(writing, json.dumps(said(call, name)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    _, status, used = os.wait4(child, 0)
    found = json.loads(data) if data else {"path": name, "call": call}
    ended = os.waitstatus_to_exitcode(status)
    return {**found, "ended": ended, "peak": used.ru_maxrss * 1024}


def main() -> None:
    """Ask about each file with each call."""
    calls = sys.argv[1].split(",")
    for call in calls:
        importlib.import_module(HOMES[call])
    for name in sys.argv[2:]:
        for call in calls:
            before = sorted(os.listdir(os.environ["TMPDIR"]))
            found = ask(call, name)
            after = sorted(os.listdir(os.environ["TMPDIR"]))
            ran = Path(os.environ["HOSTILE_CANARY"]).exists()
            clean = before == after and not ran
            sys.stdout.write(json.dumps({**found, "clean": clean}) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
