"""Running a check on a case, whatever the layer does meanwhile."""

import logging
import random
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from kerasplug.errors import CheckSetupError
from kerasplug.testing.conformance.case import Case
from kerasplug.testing.conformance.check import Check, Failed, NotApplicable
from kerasplug.testing.conformance.outcome import Outcome

__all__ = ["run", "undisturbed"]


def run(check: Check, case: Case, reason: str | None = None) -> Outcome:
    """How the check ends.

    Args:
        check: the check.
        case: the layer in question.
        reason: why it is expected to fail. Default: it is not.
    """
    with undisturbed():
        outcome = _outcome(check, case)
    if reason is None or outcome.status in ("not applicable", "error"):
        return outcome
    if outcome.status == "failed":
        return outcome._replace(status="expected", what=f"{reason}. {outcome.what}")
    return outcome._replace(
        status="unexpected",
        what="it was expected to fail, and passed.",
        found=f"expected_failures[{check.id!r}] = {reason!r}",
        mend="take it out of expected_failures",
    )


def _outcome(check: Check, case: Case) -> Outcome:
    try:
        check.run(case)
    except NotApplicable as said:
        return Outcome(check, "not applicable", str(said))
    except CheckSetupError as said:
        return Outcome(
            check, "error", said.what, said.found, said.expected, said.mend, said
        )
    except Failed as said:
        return Outcome(
            check,
            "failed",
            said.what,
            said.found,
            said.expected,
            said.mend or check.mend,
            said,
        )
    except Exception as error:  # noqa: BLE001 -- whatever a layer raises is its answer
        what = f"the layer raised {type(error).__name__}"
        return Outcome(
            check,
            "failed",
            f"{what}.",
            f"{_short(error)}{_place(error)}",
            check.title,
            check.mend,
            error,
        )
    return Outcome(check, "passed")


def _short(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return " ".join(lines[:3])[:400] or type(error).__name__


def _place(error: BaseException) -> str:
    """The last line of the layer's, or whoever's, code that is not Keras'."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not any(f"/{part}/" in frame.filename.replace("\\", "/") for part in _PASSED)
    ]
    return f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""


#: Code in these folders is not the place that an author mends.
_PASSED = ("keras", "tf_keras", "tensorflow", "jax", "torch", "conformance")


@contextmanager
def undisturbed() -> Iterator[None]:
    """The caller's random numbers go on afterwards; nothing is warned of inside.

    Checks seed Python and NumPy. And what Keras or a layer warns of is no matter of
    conformance, not even where the caller's tests make errors of warnings.
    """
    logger = logging.getLogger("tensorflow")  # tells of each function traced anew
    level = logger.level
    numpy = sys.modules.get("numpy")  # not there before: nobody has seeded it
    python, state = random.getstate(), numpy and numpy.random.get_state()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            logger.setLevel(logging.ERROR)
            yield
    finally:
        logger.setLevel(level)
        random.setstate(python)
        if numpy is not None:
            numpy.random.set_state(state)
