"""`kerasplug install-command`: the command that brings a plugin or an engine.

It is printed, never run: what changes an environment is its owner's to start. The
command alone goes to standard output, with those that have to follow it in lines of
their own; remarks go to standard error as comments.
"""

import argparse
import difflib
import shlex
from typing import NamedTuple

from kerasplug import registry
from kerasplug._frameworks.pluggable import listed_by_keras
from kerasplug.cli import names
from kerasplug.cli.output import complain
from kerasplug.engines.describing import WORKERS
from kerasplug.errors import AmbiguousNameError, UnknownNameError
from kerasplug.hooks import BackendRecord
from kerasplug.registry import Claim

__all__ = ["add_arguments", "run"]


class _Command(NamedTuple):
    """What to install, what to say about it, and the commands that have to follow."""

    requirements: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    then: tuple[str, ...] = ()


_AND_CUDA = ("the CUDA libraries come with it; Linux (and WSL 2) only",)
_KERAS = ("kerasplug[files]", "keras>=3.15.1")
# Keras' NumPy backend imports both, and Keras requires neither.
_NUMPY = (*_KERAS, "jax", "scipy")

#: Engine -> what brings it: for any machine, and for one with an NVIDIA GPU.
_ENGINES = {
    "tensorflow": (
        _Command(("kerasplug[tensorflow]",)),
        _Command(
            ("kerasplug[tensorflow]", "tensorflow[and-cuda]"),
            _AND_CUDA,
        ),
    ),
    "jax": (
        _Command(("kerasplug[jax]",)),
        _Command(
            ("kerasplug[jax]", "jax[cuda12]"),
            ("for an NVIDIA driver of CUDA 12; Linux (and WSL 2) only",),
        ),
    ),
    "torch": (
        _Command(("kerasplug[torch]",)),
        _Command(
            ("kerasplug[torch]",),
            (
                "torch for Linux holds the CUDA libraries already",
                "elsewhere choose a build at https://pytorch.org/get-started/locally/",
            ),
        ),
    ),
    "numpy": (
        _Command(_NUMPY, ("Keras' NumPy backend predicts and does not train",)),
        _Command(_NUMPY, ("Keras' NumPy backend uses no GPU",)),
    ),
    "keras": (
        _Command(_KERAS, ("Keras needs an engine too: tensorflow, jax or torch",)),
        _Command(_KERAS, ("for a GPU ask for an engine: tensorflow, jax or torch",)),
    ),
    "tf_keras": (
        _Command(("kerasplug[tensorflow]", "tf_keras")),
        _Command(
            ("kerasplug[tensorflow]", "tensorflow[and-cuda]", "tf_keras"), _AND_CUDA
        ),
    ),
}
#: Backends in packages, on the Keras to come -> what brings them there.
_PACKAGES = {
    # It imports scipy, and does not say so.
    "openvino": ("keras-openvino", "openvino", "scipy"),
    "mlx": ("keras-mlx", "mlx[cpu]"),
}
_TO_COME = "for Keras 3.16; where it is keras-nightly, install {} with --no-deps"

_SPELLINGS = {"tf-keras": "tf_keras", "tf": "tensorflow", "pytorch": "torch"}

#: Distributions of this project that need not be installed to be known.
_PLUGINS = ("applications", "datasets", "plaidml")

#: What makes the environment of an engine that has one of its own.
_MAKE = "kerasplug backend install {}"

_NO_GPU = _Command((), ("--gpu makes no difference here",))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what `kerasplug install-command` takes."""
    names.add_name(
        parser,
        lambda: [*_ENGINES, *_PACKAGES, *_PLUGINS, *names.installed()],
        "an engine ("
        + ", ".join(_ENGINES)
        + "), a plugin, or the name of anything that an installed plugin provides",
    )
    parser.add_argument("--gpu", action="store_true", help="for a machine with a GPU")


def run(options: argparse.Namespace) -> int:
    """Print the command; 0.

    Raises:
        UnknownNameError: neither an engine nor a plugin nor a provided name.
        AmbiguousNameError: several distributions provide a thing of that name.
    """
    command = _command(options.name, gpu=options.gpu)
    line = _line(command.requirements)
    if options.json:
        options.output.data(
            {
                "command": line,
                "requirements": list(command.requirements),
                "remarks": list(command.remarks),
                "then": list(command.then),
            }
        )
        return 0
    for remark in command.remarks:
        complain(f"# {remark}")
    options.output.write("\n".join((line, *command.then)) + "\n")
    return 0


def _command(name: str, *, gpu: bool) -> _Command:
    engine = _SPELLINGS.get(name.lower(), name.lower())
    if engine in _ENGINES:
        return _ENGINES[engine][gpu]
    found = _backend(name, gpu=gpu) or _package(engine) or _distribution(name)
    if found is None:
        raise _unknown(name)
    if gpu and not found.remarks:
        return found._replace(remarks=_NO_GPU.remarks)
    return found


def _backend(name: str, *, gpu: bool) -> _Command | None:
    """What the record of an installed plugin's backend says."""
    for claim in _named(name, "backend"):
        record = claim.record()
        assert isinstance(record, BackendRecord)
        wanted = (gpu and record.install_gpu) or record.install
        then = (_MAKE.format(claim.name),) if record.engine == "worker" else ()
        if wanted or then:
            wanted = wanted or (claim.provider.name,)
            return _Command(wanted, (f"says {_who(claim)}",), then)
    return None


def _package(name: str) -> _Command | None:
    """What brings one of Keras' backends that it no longer has itself."""
    if name == "openvino" and name in listed_by_keras().built_in:
        return _Command((*_KERAS, "openvino"), ("predicts and does not train",))
    if name not in _PACKAGES:
        return None
    wanted = _PACKAGES[name]
    return _Command(wanted, (_TO_COME.format(wanted[0]),))


def _distribution(name: str) -> _Command | None:
    """The distribution of that name, or the one that provides a thing of that name."""
    asked = name.lower().replace("_", "-").removeprefix("kerasplug-")
    if asked in _PLUGINS:
        then = (_MAKE.format(asked),) if asked in WORKERS else ()
        return _Command((f"kerasplug-{asked}",), then=then)
    claims = _named(name)
    owners = {claim.provider.name: claim for claim in claims}
    if len(owners) > 1:
        raise _ambiguous(name, claims)
    for owner, claim in owners.items():
        return _Command((owner,), (f"{_who(claim)} is installed already",))
    for plugin in registry.plugins():
        if plugin.name == name.lower().replace("_", "-"):
            who = f"{plugin.name} {plugin.version}".strip()
            return _Command((plugin.name,), (f"{who} is installed already",))
    return None


def _named(name: str, kind: str | None = None) -> list[Claim]:
    return [one for one in registry.claims(kind) if name in (one.name, one.canonical)]


def _who(claim: Claim) -> str:
    return f"{claim.provider.name} {claim.provider.version}".strip()


def _unknown(name: str) -> UnknownNameError:
    known = {
        *_ENGINES,
        *_PACKAGES,
        *_PLUGINS,
        *(one.name for one in registry.plugins()),
    }
    known.update(one.name for one in registry.claims())
    close = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.5)
    mend = "did you mean " + " or ".join(map(repr, close)) + "?"
    return UnknownNameError(
        f"Nothing is known that brings {name!r}.",
        close=close,
        expected=f"an engine ({', '.join(_ENGINES)}), a plugin or a name of one",
        mend=mend if close else "kerasplug list says what the installed plugins have",
    )


def _ambiguous(name: str, claims: list[Claim]) -> AmbiguousNameError:
    names = sorted({claim.canonical for claim in claims})
    return AmbiguousNameError(
        f"Several distributions provide {name!r}.",
        claims=names,
        expected="one provider for a bare name",
        mend=f"ask for one of {', '.join(names)}",
    )


def _line(requirements: tuple[str, ...]) -> str:
    return " ".join(["python -m pip install", *map(_quoted, requirements)])


def _quoted(requirement: str) -> str:
    """The requirement as one word of a POSIX shell and, nearly always, of cmd.exe."""
    if requirement.replace("-", "").replace("_", "").replace(".", "").isalnum():
        return requirement
    if any(character in requirement for character in '$`\\!"'):
        return shlex.quote(requirement)
    return f'"{requirement}"'
