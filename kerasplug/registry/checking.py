"""Whether what plugins declare is there: looked at on the disk, or really imported."""

from collections.abc import Iterable
from typing import Any

from kerasplug.registry.locating import locate
from kerasplug.registry.parts import Claim, Fault
from kerasplug.registry.starting import start

__all__ = ["check_targets", "missing_modules", "question_of"]

#: How long one import may take: Keras and an engine come with the first.
_LIMIT = 300.0


def missing_modules(claims: Iterable[Claim]) -> list[Fault]:
    """Faults of the claims whose target's module has no file. Nothing is imported.

    Args:
        claims: whose targets to look for. Where only an import could tell, there is no
            fault.
    """
    return [
        Fault(
            claim.provider,
            f"the {claim.kind} {claim.name!r} has no module",
            entry=claim.name,
            cause=f"{claim.target}: there is no module {missing}",
            mend=f"python -m pip install --force-reinstall {claim.provider.name}",
        )
        for claim in claims
        for state, missing in [locate(claim.target.partition(":")[0])]
        if state == "missing"
    ]


def question_of(claim: Claim) -> dict[str, Any]:
    """What the child process has to know to import the target of a claim."""
    provider = claim.provider
    return {
        "provider": {
            "name": provider.name,
            "version": provider.version,
            "location": provider.location,
            "summary": provider.summary,
            "requires": provider.requires,
            "python": provider.python,
        },
        "claim": {
            "kind": claim.kind,
            "name": claim.name,
            "target": claim.target,
            "registered_name": claim.registered_name,
            "aliases": claim.aliases,
            "payload": claim.payload,
        },
    }


def check_targets(claims: Iterable[Claim]) -> list[Fault]:
    """Faults of the claims whose target can't be used; each is imported, elsewhere.

    Args:
        claims: whose targets to import, in a child process. Those that a registered
            plugin of this process provides are left out.

    Raises:
        KeyboardInterrupt: somebody pressed Ctrl-C.
    """
    waiting = {number: claim for number, claim in enumerate(claims) if not claim.given}
    faults = []
    while waiting:
        questions = {number: question_of(one) for number, one in waiting.items()}
        ending = start(questions, _LIMIT, stop=False)
        for number, said in ending.answers.items():
            claim = waiting.pop(number)
            if said["fault"]:
                faults.append(_fault(claim, said["fault"]))
        if ending.how == "interrupted":
            raise KeyboardInterrupt
        if waiting and ending.how in ("failed", "done"):
            break
        if waiting:
            # They are imported in their order: the first without an answer was it.
            claim = waiting.pop(next(iter(waiting)))
            what = f"importing the {claim.kind} {claim.name!r} ends the process"
            said = {"what": what, "cause": ending.reason, "trace": ending.trace}
            faults.append(_fault(claim, said))
    return faults


def _fault(claim: Claim, said: dict[str, str]) -> Fault:
    return Fault(
        claim.provider,
        said["what"],
        entry=claim.name,
        cause=said["cause"],
        trace=said.get("trace", ""),
        mend=said.get("mend") or f"update {claim.provider.name}",
    )
