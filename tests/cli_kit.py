"""Running the command `kerasplug` as users do, among plugins made by hand."""

import contextlib
import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
from typing import NamedTuple

from fakes import HOOKS, declare, install, settle

#: Packages whose import is dear; no command imports one into its own process.
HEAVY = {"keras", "tf_keras", "tensorflow", "jax", "torch", "numpy"}

#: A program that is the command, after `sys.modules` was changed.
_WITHOUT = "import sys; sys.modules[{!r}] = None; from kerasplug.cli import main; "
_WITHOUT += "sys.exit(main())"

#: A hook module that prints in each way that there is, and works.
LOUD = (
    """
    import os, sys
    print("loud by print")
    sys.__stdout__.write("loud past sys.stdout")
    os.write(1, b"loud by descriptor")
    os.system("echo loud child")
"""
    + HOOKS
)


class Said(NamedTuple):
    """What a process that ran to its end said."""

    code: int
    out: str
    err: str

    @property
    def data(self):
        """Its standard output as JSON, which has to be one document."""
        return json.loads(self.out)


class Shop:
    """A folder of plugins, a cache and a Keras home of its own.

    Args:
        folder: an empty folder.
    """

    def __init__(self, folder):
        self.site = folder / "site"
        self.site.mkdir(parents=True)
        self.cache = folder / "cache"
        self.home = folder / "keras"

    def run(self, *arguments, without="", **variables):
        """What `kerasplug` says here.

        Args:
            *arguments: of the command.
            without: a package that can't be imported meanwhile.
            **variables: more of the environment; an empty one is removed.
        """
        done = subprocess.run(
            self.line(arguments, without),
            env=self.environment(variables),
            capture_output=True,
            text=True,
            check=False,
            encoding=variables.get("PYTHONIOENCODING", "utf-8"),
        )
        return Said(done.returncode, done.stdout, done.stderr)

    @staticmethod
    def line(arguments, without=""):
        """The command line of a process."""
        start = ["-c", _WITHOUT.format(without)] if without else ["-m", "kerasplug"]
        return [sys.executable, *start, *arguments]

    def environment(self, variables=None):
        """The environment of a process."""
        given = {
            **os.environ,
            "PYTHONPATH": str(self.site),
            "XDG_CACHE_HOME": str(self.cache),
            "KERAS_HOME": str(self.home),
            "PYTHONUTF8": "1",
            **(variables or {}),
        }
        for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
            given.setdefault(name, "")
            if name not in (variables or {}):
                given[name] = ""
        return {key: value for key, value in given.items() if value}

    def on_terminal(self, *arguments, columns=80, without="", **variables):
        """What `kerasplug` shows on a terminal that has so many columns."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen(
            self.line(arguments, without),
            env=self.environment({"TERM": "xterm", **variables}),
            stdin=theirs,
            stdout=theirs,
            stderr=subprocess.PIPE,
        )
        os.close(theirs)
        parts = []
        reader = threading.Thread(target=_read_all, args=(ours, parts))
        reader.start()
        _, err = process.communicate()
        reader.join()
        os.close(ours)
        shown = b"".join(parts).decode("utf-8").replace("\r\n", "\n")
        return Said(process.returncode, shown, err.decode("utf-8"))

    def loud(self, name="loud"):
        """Install a plugin that prints whenever it is imported."""
        module = f"{name}_hooks"
        source = LOUD.format(name=f"{name}_gate", module=module)
        groups = {"kerasplug": {name: module}}
        return install(self.site, name, groups, modules={f"{module}.py": source})

    def ill(self, name="ill", version="0.3"):
        """Install a plugin whose hook module can't be imported."""
        module = f"{name}_hooks"
        source = "import nowhere_to_be_found\n"
        groups = {"kerasplug": {name: module}}
        return install(
            self.site, name, groups, modules={f"{module}.py": source}, version=version
        )

    def clash(self):
        """Install two plugins with a layer of one name each."""
        for name in ("first", "second"):
            declare(self.site, name, {"wanted": f"{name}_mod:Gate"})

    def settle(self):
        """Let the index trust the folder from now on."""
        settle(self.site)


def _read_all(descriptor, parts):
    # Linux says with an error that the last program has left the terminal.
    with contextlib.suppress(OSError):
        while part := os.read(descriptor, 4096):
            parts.append(part)
