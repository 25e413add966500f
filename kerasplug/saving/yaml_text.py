"""Configurations as YAML that can do nothing: plain data, without tags and aliases.

What is read is exactly what JSON can say. A tag would make things, an alias would make
much of little, and a word that two versions of YAML understand differently would be
another thing than its writer meant: each is refused, with its line.

The text is read as a stream of events, which no nesting can exhaust, and nothing is
constructed before it has been read whole.
"""

import math
import re
from collections.abc import Iterable
from typing import Any, Final, NoReturn

from kerasplug.errors import MissingExtraError, ModelFileError

__all__ = ["DEEPEST", "from_yaml", "to_yaml"]

#: Longer texts are refused, in characters; the largest models stay far below.
_LONGEST: Final = 16 * 1024 * 1024
#: So many values in one text are refused: each costs time and memory.
_MOST_VALUES: Final = 400_000
#: No model is nested so deeply, and Keras follows the nesting with Python's stack.
DEEPEST: Final = 200
#: Where a text from the file is cut in an error, in characters.
_SHOWN: Final = 60

_BREAKS: Final = re.compile("[\r\x85\u2028\u2029]")
_NULLS: Final = frozenset(("", "~", "null", "Null", "NULL"))
_TRUTHS: Final = {
    word: value
    for value, name in ((True, "true"), (False, "false"))
    for word in (name, name.title(), name.upper())
}
_INTEGER: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_FLOAT: Final = re.compile(
    r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?\Z"
)
#: Plain words that one version of YAML takes for text and another one for a truth, a
#: number, a time, a merge or a default; or both for a number that JSON can't say.
_DOUBTFUL: Final = re.compile(
    r"(yes|no|on|off)\Z"
    r"|[-+]?0[0-9_]+\Z"
    r"|[-+]?0o?[0-7_]+\Z|[-+]?0x[0-9a-f_]+\Z|[-+]?0b[01_]+\Z"
    r"|[-+]?[0-9][0-9_]*(\.[0-9_]*)?(e[-+]?[0-9_]+)?\Z"
    r"|[-+]?\.[0-9_]+(e[-+]?[0-9]+)?\Z"
    r"|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?\Z"
    r"|[-+]?\.(inf|nan)\Z"
    r"|[0-9]{4}-[0-9][0-9]?-[0-9][0-9]?([t\s].*)?\Z"
    r"|<<\Z|=\Z",
    re.IGNORECASE | re.ASCII,
)


def to_yaml(tree: Any) -> str:
    """The tree as YAML in block style; keys stay in their order.

    Args:
        tree: what `json.loads` gives.

    Raises:
        MissingExtraError: PyYAML is not installed.
    """
    yaml = _yaml("writing YAML")
    stream: str = yaml.dump(
        tree,
        Dumper=_dumper(yaml),
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        width=88,
    )
    return stream


def _yaml(purpose: str) -> Any:
    try:
        import yaml
    except ImportError as error:
        what = f"{purpose} needs PyYAML, which can't be imported here."
        raise MissingExtraError(what, extra="files") from error
    return yaml


def _dumper(yaml: Any) -> Any:
    """A dumper that quotes each text that any YAML could take for something else."""

    class Dumper(yaml.SafeDumper):  # type: ignore[misc]  # its base is imported late
        """Writes trees, in which nothing is mentioned twice."""

        def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 -- its signature
            return True

    def text(dumper: Any, value: str) -> Any:
        style = "'" if _means_something_else(value) else None
        if _BREAKS.search(value):
            style = '"'  # the other styles fold these line breaks into spaces
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return Dumper


def _means_something_else(word: str) -> bool:
    return (
        word in _NULLS
        or word in _TRUTHS
        or word in ("y", "Y", "n", "N")
        or bool(_FLOAT.match(word) or _DOUBTFUL.match(word))
    )


def from_yaml(text: str, name: str = "the YAML text") -> Any:
    """What the text says, as `json.loads` would give it.

    Args:
        text: plain YAML.
        name: how it is called in errors.

    Raises:
        ModelFileError: it is something else than plain data, or too much of it.
        MissingExtraError: PyYAML is not installed.
    """
    if len(text) > _LONGEST:
        what = f"{name} is refused: it is longer than any real one."
        limit = f"at most {_LONGEST:,} characters"
        raise ModelFileError(what, found=f"{len(text):,} characters", expected=limit)
    yaml = _yaml(f"reading {name}")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    reader = _Reader(name)
    try:
        return reader.read(yaml.parse(text, Loader=loader))
    # The second one: what can't be a character of any file.
    except (yaml.YAMLError, UnicodeError) as error:
        what = f"{name} can't be read as YAML."
        found = " ".join(str(error).split())[:200]
        raise ModelFileError(what, found=found, mend="mend that line") from error


class _Open:
    """A list or a dict that is being read; `key` waits for its value."""

    def __init__(self, value: list[Any] | dict[str, Any]) -> None:
        self.value = value
        self.key: str | None = None


class _Reader:
    """Turns events into a tree; the stack is its own, so any depth will do."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._open: list[_Open] = []
        self._roots: list[Any] = []
        self._count = 0

    def read(self, events: Iterable[Any]) -> Any:
        """The one document's value."""
        handlers = {
            "DocumentStartEvent": self._document,
            "AliasEvent": self._alias,
            "ScalarEvent": self._scalar,
            "SequenceStartEvent": self._list,
            "MappingStartEvent": self._dict,
            "SequenceEndEvent": self._end,
            "MappingEndEvent": self._end,
        }
        for event in events:
            handle = handlers.get(type(event).__name__)
            if handle is not None:
                handle(event)
        if not self._roots:
            what = f"{self._name} is empty."
            raise ModelFileError(what, expected="the YAML of one model")
        return self._roots[0]

    def _document(self, event: Any) -> None:
        if event.version or event.tags:
            self._refuse(event, "a directive (%)", "plain YAML without directives")
        if self._roots:
            self._refuse(event, "a second document (---)", "one document")

    def _alias(self, event: Any) -> NoReturn:
        self._refuse(event, f"an alias, *{event.anchor}", "each value written out")

    def _list(self, event: Any) -> None:
        self._begin(event, [])

    def _dict(self, event: Any) -> None:
        self._begin(event, {})

    def _end(self, _: Any) -> None:
        self._open.pop()

    def _scalar(self, event: Any) -> None:
        self._check(event)
        around = self._open[-1] if self._open else None
        plain = event.implicit[0]
        value = self._resolved(event) if plain else event.value
        if around is None or isinstance(around.value, list) or around.key is not None:
            self._put(value)
        else:
            self._take_key(event, around, value)

    def _take_key(self, event: Any, around: _Open, key: Any) -> None:
        if not isinstance(key, str):
            found = f"the key {event.value!r}, which is no text"
            self._refuse(event, found, "quoted, if it is a text")
        if key in around.value:
            self._refuse(event, f"the key {key!r} a second time", "each key once")
        around.key = key

    def _begin(self, event: Any, value: list[Any] | dict[str, Any]) -> None:
        self._check(event)
        around = self._open[-1] if self._open else None
        if around is not None and isinstance(around.value, dict) and around.key is None:
            self._refuse(event, "a key that is a list or a mapping", "a text as key")
        if len(self._open) >= DEEPEST:
            found = f"something nested more than {DEEPEST} deep"
            self._refuse(event, found, "what a model says")
        self._put(value)
        self._open.append(_Open(value))

    def _put(self, value: Any) -> None:
        if not self._open:
            self._roots.append(value)
            return
        around = self._open[-1]
        if isinstance(around.value, list):
            around.value.append(value)
        else:
            assert around.key is not None
            around.value[around.key] = value
            around.key = None

    def _check(self, event: Any) -> None:
        self._count += 1
        if self._count > _MOST_VALUES:
            self._refuse(event, f"more than {_MOST_VALUES:,} values", "a model")
        if event.anchor is not None:
            self._refuse(
                event, f"an anchor, &{event.anchor}", "none: they are not used"
            )
        if event.tag is not None:
            self._refuse(event, f"a tag, {event.tag}", "plain data without tags")

    def _resolved(self, event: Any) -> Any:
        """What a plain word means: what JSON, and each version of YAML, means by it."""
        word: str = event.value
        if word in _NULLS:
            return None
        if word in _TRUTHS:
            return _TRUTHS[word]
        if not (_INTEGER.match(word) or _FLOAT.match(word)):
            if _DOUBTFUL.match(word):
                found = f"{word!r}, which versions of YAML understand differently"
                self._refuse(
                    event, found, "quotes round a text; true, false, 12 or 1.5"
                )
            return word
        try:
            number = int(word) if _INTEGER.match(word) else float(word)
        except ValueError:
            number = math.inf  # more digits than Python reads
        if not math.isfinite(number):
            self._refuse(event, f"the number {word!r}", "a number of sane size")
        return number

    def _refuse(self, event: Any, found: str, expected: str) -> NoReturn:
        mark = event.start_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}"
        if len(found) > _SHOWN * 2:
            found = found[: _SHOWN * 2] + "…"
        what = f"{self._name} is refused at {where}: only plain data may be in it."
        raise ModelFileError(what, found=repr(found)[1:-1], expected=expected)
