"""What came of loading weights, as data and as a text that reads well."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["WeightsReport", "no_match"]

#: So many names of a list are printed.
_SHOWN: Final = 10
#: Where a name or a reason is cut, in characters.
_WIDEST: Final = 100
_CLOSE: Final = 0.6


@dataclass(frozen=True, slots=True)
class WeightsReport:
    """What `load_model_weights_hdf5` did, layer by layer.

    A layer in a nested model is called by its path: `"base/block1_conv1"`.

    Args:
        loaded: the layers whose weights were replaced.
        skipped: (layer, reason) where the weights didn't fit and were left alone.
        missing: layers of the model with weights that the file has none for.
        unexpected: layers in the file with weights that the model has none of.

    Example:
        >>> print(WeightsReport(loaded=("dense", "top"), missing=("new",)))
        2 layers loaded
          loaded      dense, top
          missing     new
    """

    loaded: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()

    def __str__(self) -> str:
        count = len(self.loaded)
        lines = [f"{count} layer{'' if count == 1 else 's'} loaded"]
        lines += _line("loaded", self.loaded)
        reasons = [f"{_cut(name)}: {_cut(reason)}" for name, reason in self.skipped]
        for place, text in enumerate(reasons[:_SHOWN]):
            lines.append(f"  {'' if place else 'skipped':<12}{text}")
        if len(reasons) > _SHOWN:
            lines.append(f"  {'':<12}and {len(reasons) - _SHOWN} more")
        lines += _line("missing", self.missing)
        lines += _line("unexpected", self.unexpected)
        return "\n".join(lines)

    def __repr__(self) -> str:
        counts = ", ".join(
            f"{len(getattr(self, key))} {key}" for key in self.__slots__ if key
        )
        return f"<{type(self).__name__}: {counts}>"


def _line(label: str, names: Sequence[str]) -> list[str]:
    return [f"  {label:<12}{_listed(names)}"] if names else []


def _listed(names: Sequence[str]) -> str:
    text = ", ".join(_cut(name) for name in names[:_SHOWN])
    more = len(names) - _SHOWN
    return f"{text} and {more} more" if more > 0 else text


def _cut(text: str) -> str:
    """Short and on one line: names come from files."""
    printable = "".join(one if one.isprintable() else "?" for one in text)
    return printable if len(printable) <= _WIDEST else f"{printable[:_WIDEST]}…"


def no_match(file: str, held: Iterable[str], wanted: Iterable[str]) -> str:
    """The warning where no name of the file is one of the model.

    Args:
        file: its name.
        held: the layers in the file.
        wanted: the layers in the model.

    Example:
        >>> print(no_match("w.h5", ["dense_1"], ["dense", "top"]))
        w.h5: no layer has a name that the model has, too; nothing was loaded.
          in the file  dense_1
          in the model dense, top
          close        dense_1 ~ dense
    """
    held, wanted = list(held), list(wanted)
    lines = [
        f"{file}: no layer has a name that the model has, too; nothing was loaded.",
        f"  in the file  {_listed(held) or 'none'}",
        f"  in the model {_listed(wanted) or 'none'}",
    ]
    pairs = [f"{_cut(name)} ~ {_cut(like)}" for name, like in _close(held, wanted)]
    if pairs:
        lines.append(f"  close        {_listed(pairs)}")
    return "\n".join(lines)


def _close(held: list[str], wanted: list[str]) -> list[tuple[str, str]]:
    """Pairs of names that are almost the same, or end alike."""
    found = []
    for name in held[:_WIDEST]:
        alike = [one for one in wanted if f"/{one}".endswith(f"/{name}")]
        alike = alike or difflib.get_close_matches(name, wanted, 1, _CLOSE)
        found += [(name, one) for one in alike[:1]]
    return found
