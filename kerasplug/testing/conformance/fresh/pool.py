"""The servers of this process, shared by all cases."""

import atexit
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerasplug.errors import CheckSetupError
from kerasplug.testing.conformance.check import NotApplicable
from kerasplug.testing.conformance.fresh import job
from kerasplug.testing.conformance.fresh.servers import (
    Ended,
    Server,
    ServerDiedError,
    Setting,
)

__all__ = ["Pool", "pool"]


class Pool:
    """Started processes, one for each setting; more where each does only one job.

    Args:
        forks: whether a server forks itself for each job. Default: where that is
            safe, which is not so with the system libraries of macOS.
    """

    def __init__(self, *, forks: bool | None = None) -> None:
        can = hasattr(os, "fork") and sys.platform != "darwin"
        self.forks = can if forks is None else forks
        self._lock = threading.Lock()
        self._servers: dict[Setting, Server] = {}
        self._folder: Path | None = None
        self._count = 0

    def folder(self) -> Path:
        """A new folder, which goes when the pool is closed."""
        with self._lock:
            return self._new_folder()

    def _new_folder(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="kerasplug-fresh-"))
        self._count += 1
        made = self._folder / str(self._count)
        made.mkdir()
        return made

    def start(self, setting: Setting) -> Server:
        """The server of a setting, started where there is none, and not waited for.

        Raises:
            NotApplicable: no process can be started here.
        """
        self._refuse_in_a_job()
        with self._lock:
            server = self._servers.get(setting)
            if server is None or server.is_dead:
                server = self._servers[setting] = self._new(setting)
            return server

    def _refuse_in_a_job(self) -> None:
        if job.is_under_way():
            what = "A module of a layer checks layers when it is imported."
            raise CheckSetupError(
                what,
                found="it was imported in another process, for such a check",
                expected="a module that only defines things",
                mend='put the call under if __name__ == "__main__":',
            )

    def _new(self, setting: Setting) -> Server:
        try:
            return Server(setting, self._new_folder(), forks=self.forks)
        except OSError as error:
            reason = f"no process can be started here ({error})"
            raise NotApplicable(reason) from error

    def run(self, setting: Setting, request: Mapping[str, Any]) -> Ended:
        """Have a job done, and wait until its process has ended.

        Args:
            setting: which Keras it needs.
            request: as `kerasplug.testing.conformance.fresh.asking` makes it.

        Raises:
            CheckSetupError: that Keras can't be started in another process, or its
                server ended twice.
            NotApplicable: no process can be started here.
        """
        for _ in range(2):
            server = self._taken(setting)
            try:
                return server.run(request)
            except ServerDiedError:
                continue
        raise server.cannot_start(found="")

    def _taken(self, setting: Setting) -> Server:
        """A server for a job; where it does only one, the next is started already."""
        server = self.start(setting)
        if self.forks:
            return server
        with self._lock:
            ready = self._servers.get(setting) or self._new(setting)
            self._servers[setting] = self._new(setting)
        return ready

    def close(self) -> None:
        """End all servers, and remove their files."""
        with self._lock:
            servers, self._servers = list(self._servers.values()), {}
            folder, self._folder = self._folder, None
        for server in servers:
            server.close()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def disown(self) -> None:
        """Know nothing more of the servers: this process is a fork of their host."""
        for server in self._servers.values():
            server.disown()


_pool = Pool()
#: What forks of this process have inherited and must not end.
_disowned: list[Pool] = []


def pool() -> Pool:
    """The pool of this process."""
    return _pool


def _close() -> None:
    _pool.close()


def _in_fork() -> None:
    global _pool  # noqa: PLW0603 -- servers belong to the process that started them
    _pool.disown()
    _disowned.append(_pool)
    _pool = Pool(forks=_pool.forks)


atexit.register(_close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_fork)
