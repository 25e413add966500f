"""`kerasplug cite`: BibTeX of Keras, of kerasplug, and of what plugins provide."""

import argparse
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import kerasplug
from kerasplug import registry
from kerasplug.cli import names
from kerasplug.cli.bibtex import Entry, entry_of, keyed
from kerasplug.cli.output import complain
from kerasplug.registry import Claim

__all__ = ["add_arguments", "run"]

#: As they ask to be cited: https://keras.io/getting_started/faq/, and the CITATION
#: files and pages of TensorFlow, JAX and PyTorch.
_SOFTWARE: Final = {
    "keras": r"""@misc{chollet2015keras,
  title = {Keras},
  author = {Chollet, Fran\c{c}ois and others},
  year = {2015},
  howpublished = {\url{https://keras.io}},
}""",
    "tensorflow": r"""@misc{tensorflow2015-whitepaper,
  title = {{TensorFlow}: Large-Scale Machine Learning on Heterogeneous Systems},
  author = {Abadi, Mart{\'\i}n and others},
  year = {2015},
  url = {https://www.tensorflow.org/},
  note = {Software available from tensorflow.org},
}""",
    "jax": r"""@software{jax2018github,
  title = {{JAX}: composable transformations of {Python}+{NumPy} programs},
  author = {James Bradbury and Roy Frostig and Peter Hawkins and Matthew James Johnson
    and Chris Leary and Dougal Maclaurin and George Necula and Adam Paszke
    and Jake Vander{P}las and Skye Wanderman-{M}ilne and Qiao Zhang},
  year = {2018},
  url = {http://github.com/jax-ml/jax},
}""",
    "torch": r"""@inproceedings{ansel2024pytorch,
  title = {{PyTorch} 2: Faster Machine Learning Through Dynamic {Python} Bytecode
    Transformation and Graph Compilation},
  author = {Ansel, Jason and others},
  booktitle = {29th ACM International Conference on Architectural Support for
    Programming Languages and Operating Systems, Volume 2 (ASPLOS '24)},
  year = {2024},
  doi = {10.1145/3620665.3640366},
}""",
}
_OWN: Final = "kerasplug"


class _Cited(NamedTuple):
    """An entry, and the things that it is the citation of."""

    entry: Entry
    things: tuple[str, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what `kerasplug cite` takes."""
    names.add_name(
        parser,
        _citable,
        "of an application, a data set, or any other thing that says how to cite it, "
        "bare or canonical; or keras, kerasplug, tensorflow, jax, torch; without one: "
        "Keras, the backend in use, and kerasplug",
        nargs="*",
    )


def run(options: argparse.Namespace) -> int:
    """Print the entries; 0, or 1 where something does not say how to cite it.

    Raises:
        UnknownNameError: nothing installed has one of the names.
        AmbiguousNameError: several distributions provide a thing of that name.
        PluginError: a plugin contradicts itself about it.
    """
    wanted = list(dict.fromkeys(options.name)) or _usual()
    software = [_software(name) for name in wanted if _is_software(name)]
    claims = [one for name in wanted if not _is_software(name) for one in _of(name)]
    told = {claim: _citation(claim) for claim in claims}
    silent = [claim.canonical for claim, text in told.items() if not text]
    cited = [*software, *_grouped({c: text for c, text in told.items() if text})]
    entries = keyed(one.entry for one in cited)
    if options.json:
        options.output.data(_plain(entries, cited, silent))
    else:
        options.output.write("\n\n".join(map(str, entries)) + "\n" * bool(entries))
    for name in silent:
        complain(f"kerasplug: {name} does not say how to cite it")
    return int(bool(silent))


def _usual() -> list[str]:
    """Keras, the backend that it uses, and this toolkit."""
    from kerasplug.implementation import backend

    return list(dict.fromkeys(["keras", *({backend()} & set(_SOFTWARE)), _OWN]))


def _is_software(name: str) -> bool:
    return name == _OWN or (name in _SOFTWARE and not names.claims_of(_table(), name))


def _table() -> Any:
    from kerasplug.registry.overview import table

    return table()


def _software(name: str) -> _Cited:
    if name != _OWN:
        return _Cited(entry_of(_SOFTWARE[name], name), (name,))
    fields = {
        "title": "{kerasplug: the plugin toolkit for packages that extend Keras}",
        "author": "{The kerasplug authors}",
        "year": "2026",
        "version": kerasplug.__version__,
    }
    return _Cited(Entry("software", _OWN, fields), (name,))


def _of(name: str) -> Sequence[Claim]:
    """The things that a name means; a data set and an application may share it."""
    found = names.find(name)
    if found.ambiguous:
        raise names.ambiguous(name, found.ambiguous)
    if found.claims:
        return found.claims
    assert found.plugin is not None
    plugin = found.plugin.name
    every = (claim for kind in registry.KINDS for claim in registry.claims(kind))
    return [one for one in every if one.provider.name == plugin and _citation(one)]


def _citation(claim: Claim) -> str:
    return str(getattr(claim.record(), "citation", ""))


def _grouped(told: dict[Claim, str]) -> Iterable[_Cited]:
    """One entry for each citation, however many things share it."""
    for text in dict.fromkeys(told.values()):
        some = [claim for claim, one in told.items() if one == text]
        entry = entry_of(text, some[0].name, _note(some))
        yield _Cited(entry, tuple(claim.canonical for claim in some))


def _note(claims: Iterable[Claim]) -> str:
    """The things and whose they are, so that a reader can get the same."""
    by_owner: dict[tuple[str, str], list[str]] = {}
    for one in claims:
        by_owner.setdefault((one.kind, names.who(one.provider)), []).append(one.name)
    return "; ".join(
        f"{kind if len(some) == 1 else registry.KINDS[kind]} {', '.join(some)} of {who}"
        for (kind, who), some in by_owner.items()
    )


def _plain(
    entries: list[Entry], cited: Sequence[_Cited], silent: list[str]
) -> dict[str, Any]:
    """The answer for a program."""
    return {
        "entries": [
            {"key": entry.key, "things": list(one.things), "bibtex": str(entry)}
            for entry, one in zip(entries, cited, strict=True)
        ],
        "without": silent,
    }


def _citable() -> list[str]:
    """Names that can be asked for: for completion."""
    kinds = ("application", "dataset")
    some = {name for kind in kinds for name in registry.names(kind)}
    return [*some, *_SOFTWARE, _OWN]
