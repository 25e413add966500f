"""The conversation with a worker: one question, one answer, and what goes wrong."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from kerasplug.engines.workers.dying import doctor, failed, how, mend_of, refused
from kerasplug.engines.workers.starting import Line
from kerasplug.engines.workers.waiting import HungError, LateError, Watch
from kerasplug.engines.workers.wire import (
    PROTOCOL,
    Channel,
    GoneError,
    UnreadableError,
    UnsendableError,
    WireError,
)
from kerasplug.errors import WorkerError

if TYPE_CHECKING:
    from kerasplug.engines.workers.wire import Arrays

    Answer = tuple[dict[str, Any], Arrays]

__all__ = ["Conversation"]

#: Seconds in which a worker that is idle takes a word of farewell.
_FAREWELL: Final = 2.0
#: How much is told of what is no answer, in characters.
_LONGEST: Final = 200
_START: Final = "before it said hello"


class Conversation:
    """What is said on a line. It is for one thread at a time.

    Args:
        name: the engine's.
        line: to the worker.

    Attributes:
        why: how it ended, in words that go on after "it"; empty: it goes on.
    """

    def __init__(self, name: str, line: Line) -> None:
        self._name = name
        self._line = line
        self._number = 0
        # How many of the frames that were begun are answered: all of them, or all but
        # one, when somebody was interrupted who waited for the answer.
        self._answered = 0
        self.why = ""

    def greet(self, limit: float) -> dict[str, Any]:
        """Hear the worker's hello.

        Args:
            limit: seconds until then.

        Raises:
            WorkerError: it says something else, or nothing.
        """
        with self._troubles(_START):
            self._watch.expect(limit)
            header, _ = self._heard()
        if "error" in header:
            output = self.output() or "(nothing)"
            raise failed(self._name, _START, header["error"], output)
        hello = header.get("hello")
        protocol = hello.get("protocol") if isinstance(hello, dict) else None
        if not isinstance(hello, dict) or protocol != PROTOCOL:
            message = f"The worker of {self._name} speaks another protocol."
            raise WorkerError(
                message,
                found=f"protocol {protocol}",
                expected=f"protocol {PROTOCOL}",
                mend="start Python anew: kerasplug was changed after it had begun",
            )
        return hello

    def ask(
        self,
        do: str,
        header: Mapping[str, Any],
        arrays: "Mapping[str, Any] | None",
        limit: float | None,
    ) -> "Answer":
        """Ask for something, and wait for the answer.

        Args:
            do: the command.
            header: plain data.
            arrays: name -> array.
            limit: seconds; None: as long as there are signs of life.

        Raises:
            WorkerError: the command failed; or it is the end, and `why` says so.
        """
        with self._troubles(f"in {do!r}"):
            self._watch.expect(limit)
            self._catch_up()
            self._number += 1
            self._channel.send(dict(header, do=do, id=self._number), arrays)
            answer, given = self._answer()
            what = answer.get("ok", answer.get("error"))
            if answer.get("id") != self._number or not isinstance(what, dict):
                message = f"no answer to {self._number}: {answer}"[:_LONGEST]
                raise WireError(message)
            # The worker's next answer overwrites the memory they lie in.
            copies = {name: array.copy() for name, array in given.items()}
        if "error" in answer:
            raise failed(self._name, f"in {do!r}", what)
        return what, copies

    def settle(self, grace: float) -> None:
        """Hear the answer that was not waited for, if there is one.

        Args:
            grace: seconds.

        Raises:
            WorkerError: it did not come, and that is the end.
        """
        try:
            with self._troubles("after an interruption"):
                self._watch.expect(grace)
                self._catch_up()
        except WorkerError:
            raise
        except BaseException:
            self.end("was killed, since nobody waited for its answer")
            raise

    def say_farewell(self) -> bool:
        """Ask the worker to end; whether it can have heard it."""
        if self._line.channel is None or not self._in_step:
            return False
        self._watch.expect(_FAREWELL)
        self._channel.send({"do": "close"})
        return True

    def end(self, why: str, *, polite: bool = False) -> int | None:
        """End the worker.

        Args:
            why: kept where nothing was said before.
            polite: give it the time to end by itself.

        Returns:
            Its exit code, where it ended by itself.
        """
        self.why = self.why or why
        with self._watch.interruptions:
            return self._line.end(polite=polite)

    def output(self) -> str:
        """The last that the worker wrote."""
        return self._line.watch.output() if self._line.watch else ""

    @property
    def _channel(self) -> Channel:
        assert self._line.channel
        return self._line.channel

    @property
    def _watch(self) -> Watch:
        assert self._line.watch
        return self._line.watch

    @property
    def _in_step(self) -> bool:
        """Whether the worker waits for a question."""
        return self._channel.whole and self._channel.begun == self._answered

    def _heard(self) -> "Answer":
        """What it says next, if it is more than a sign of life."""
        while True:
            header, arrays = self._channel.receive()
            if "beat" not in header:
                return header, arrays

    def _answer(self) -> "Answer":
        try:
            heard = self._heard()
        except UnreadableError:
            self._answered = self._channel.begun
            raise
        self._answered = self._channel.begun
        return heard

    def _catch_up(self) -> None:
        """Hear the answer that an interrupted call left behind."""
        if not self._channel.whole:
            message = "somebody was interrupted within a frame"
            raise WireError(message)
        if not self._in_step:
            with contextlib.suppress(UnreadableError):
                self._answer()

    @contextlib.contextmanager
    def _troubles(self, where: str) -> Iterator[None]:
        """Make a `WorkerError` of what goes wrong; mostly the worker has to end."""
        try:
            with self._watch.interruptions:
                yield
        except (UnsendableError, UnreadableError) as error:
            raise refused(self._name, where, error) from error
        except (OSError, MemoryError) as error:
            if self._line.channel and self._in_step:
                raise refused(self._name, where, error) from error
            said = "could not be heard"
            raise self._killed(said, where, error) from error
        except GoneError as error:
            raise self._dead(where) from error
        except HungError as error:
            said = f"gave no sign of life for {error} s"
            raise self._killed(said, where, mend="more `patience`; ") from error
        except LateError as error:
            said = f"took longer than the {error} s it may"
            raise self._killed(said, where, mend="a larger `limit`; ") from error
        except WireError as error:
            said = "could not be understood"
            raise self._killed(said, where, error) from error

    def _dead(self, where: str) -> WorkerError:
        """The error for a worker that ended by itself, or was killed by others."""
        was_closed = self.why
        code = self.end(f"ended {where}", polite=True)
        if not was_closed:
            self.why = f"ended {where}: {how(code)}"
        return WorkerError(
            f"The worker of {self._name} {was_closed or f'ended {where}'}.",
            found="" if was_closed else how(code),
            mend="" if was_closed else mend_of(self._name, code),
            output=self.output(),
            exit_code=code,
        )

    def _killed(
        self, what: str, where: str, error: object = None, mend: str = ""
    ) -> WorkerError:
        """The error for a worker that this process has to end."""
        self.end(f"{what} {where}, and was killed")
        return WorkerError(
            f"The worker of {self._name} {what} {where}, and was killed.",
            found=f"{error}" if error else "",
            mend=f"{mend}{doctor(self._name)}",
            output=self.output(),
        )
