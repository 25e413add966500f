"""What goes wrong with one source; the download decides what comes next."""

__all__ = ["Trouble"]


class Trouble(Exception):  # noqa: N818 -- never leaves this room; users see a FetchError
    """One request did not give the file.

    Args:
        text: what happened, for people.
        final: whether asking this source again is of no use.
        wait: seconds that the server asks to be left alone.
        stale: whether the fault may be in what was kept of an earlier request.
        wrong: the hash of what came, where it came whole and was not the file.
    """

    def __init__(
        self,
        text: str,
        *,
        final: bool = False,
        wait: float = 0.0,
        stale: bool = False,
        wrong: str = "",
    ) -> None:
        super().__init__(text)
        self.final = final
        self.wait = wait
        self.stale = stale
        self.wrong = wrong
