"""A download: the sources in turn, again and again, until the hash is right.

Nothing that was not judged ever bears the final name. The hash is the judge of all
sources; where there is none, only a body whose end can be known is believed.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from kerasplug.errors import FetchError, HashError
from kerasplug.fetching import seals
from kerasplug.fetching.addresses import shown_url
from kerasplug.fetching.parts import Part
from kerasplug.fetching.patience import Patience
from kerasplug.fetching.transport import Answer, opened
from kerasplug.fetching.trouble import Trouble

__all__ = ["Report", "Wanted", "download"]

#: Is told how many bytes are there, and how many there will be; None: not known.
Report = Callable[[int, int | None], object]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that is wanted in the cache.

    Args:
        path: where.
        sources: addresses, in the order in which they are asked.
        algorithm: of its hash.
        digest: its hash, in lower case; empty: not known.
        size: in bytes; None: not known.
        largest: bytes that are taken at most; None: any number.
    """

    path: str
    sources: tuple[str, ...]
    algorithm: str = "sha256"
    digest: str = ""
    size: int | None = None
    largest: int | None = None

    @property
    def most(self) -> int | None:
        """Bytes after which it can't be the right file any more."""
        return self.largest if self.size is None else self.size


def download(wanted: Wanted, patience: Patience, report: Report) -> None:
    """Download a file into its place; its folder must exist.

    Args:
        wanted: what, from where, and where to.
        patience: when to try again, and when to give up.
        report: is told how far it is.

    Raises:
        HashError: a source gave another file, and none gave the right one.
        FetchError: no source gave it.
        StorageError: the cache can't take it.
        MissingExtraError: urllib3 is not installed.

    Guarantees:
        After an error the place is as it was, and no temporary file is left.
    """
    with Part(wanted.path, wanted.algorithm, wanted.digest) as part:
        part.adopt()
        _Download(wanted, patience, report, part).run()
        found, status = part.digest, part.publish()
    seals.seal(wanted.path, status, wanted.algorithm, found)


class _Download:
    def __init__(
        self, wanted: Wanted, patience: Patience, report: Report, part: Part
    ) -> None:
        self._wanted = wanted
        self._patience = patience
        self._report = report
        self._part = part
        self._failures: list[str] = []
        self._wrong = ""
        total = patience.total
        self._deadline = float("inf") if total is None else time.monotonic() + total

    def run(self) -> None:
        """Fill the part with the right bytes."""
        sources = list(self._wanted.sources)
        for turn in range(self._patience.tries):
            pause = self._patience.wait * 2**turn
            for source in tuple(sources):
                try:
                    return self._attempt(source)
                except Trouble as trouble:
                    self._note(source, trouble)
                    pause = max(pause, trouble.wait)
                    if trouble.final:
                        sources.remove(source)
            if not sources or time.monotonic() + pause > self._deadline:
                break
            if turn + 1 < self._patience.tries:
                time.sleep(pause)
        raise self._refusal()

    def _note(self, source: str, trouble: Trouble) -> None:
        self._failures.append(f"{shown_url(source)}: {trouble}")
        self._wrong = trouble.wrong or self._wrong

    def _attempt(self, source: str) -> None:
        """Ask a source once; twice where what was kept may have been at fault."""
        kept = self._part.size
        try:
            self._once(source)
        except Trouble as trouble:
            if not kept or not trouble.stale:
                raise
            self._part.restart()
            self._once(source)

    def _once(self, source: str) -> None:
        # Only a hash can judge what was put together from two answers.
        if self._part.size and not self._wanted.digest:
            self._part.restart()
        start = self._part.size
        if start and self._is_right():
            return
        with opened(source, start, self._patience, self._deadline) as answer:
            if answer.start != start or answer.encoding:
                self._part.restart()
            broken = self._take(answer)
        if self._wanted.digest:
            self._judge(answer, broken)
        else:
            self._believe(answer, broken)

    def _take(self, answer: Answer) -> Trouble | None:
        """Write down what comes; what broke it off, if something did."""
        most = None if answer.encoding else self._wanted.most
        try:
            for piece in answer.pieces:
                self._part.write(piece)
                self._report(self._part.size, answer.total)
                if most is not None and self._part.size > most:
                    message = f"more than the {most:,} bytes that the file may have"
                    return Trouble(message, final=True, stale=True)
        except Trouble as trouble:
            return trouble
        return None

    def _judge(self, answer: Answer, broken: Trouble | None) -> None:
        """Let the hash say whether it is the file, whatever was announced."""
        if self._is_right():
            return
        if answer.encoding and broken is None:
            self._part.unpack(answer.encoding)
            if self._is_right():
                return
        found = self._part.digest
        if broken is not None and not answer.encoding and not broken.stale:
            raise broken  # what is there is kept for the next try
        size = self._part.size
        self._part.restart()
        if broken is not None:
            raise broken
        message = f"not the file: {size:,} bytes with the {self._wanted.algorithm}"
        message = f"{message} {found}"
        raise Trouble(message, final=True, stale=True, wrong=found)

    def _is_right(self) -> bool:
        return self._part.digest == self._wanted.digest

    def _believe(self, answer: Answer, broken: Trouble | None) -> None:
        """Take a file that nothing but its length can judge."""
        if broken is not None:
            raise broken
        if not answer.delimited:
            message = "neither a length was announced nor a hash given: it may be cut"
            raise Trouble(message, final=True)
        if answer.encoding:
            self._part.unpack(answer.encoding)
        size, most = self._part.size, self._wanted.most
        if self._wanted.size not in (None, size) or (most is not None and size > most):
            message = f"{size:,} bytes, where {most:,} were expected"
            raise Trouble(message, final=True)

    def _refusal(self) -> FetchError:
        path = self._wanted.path
        failures = "; ".join(self._failures)
        if not self._wrong:
            return FetchError(
                f"{path} can't be downloaded.",
                path=path,
                failures=self._failures,
                found=failures,
                mend="try again later, name another source with mirrors= or "
                "KERASPLUG_MIRROR, or put the file there yourself",
            )
        return HashError(
            f"What was downloaded is not the file that {path} should be.",
            path=path,
            failures=self._failures,
            found=failures,
            expected=f"{self._wanted.algorithm} {self._wanted.digest}",
            mend="if the file has changed at its source, ask for its new hash; a login "
            "page or a proxy in between gives wrong bytes, too",
        )
