"""Which seeded faults are caught: by kerasplug's suite, and by `run_layer_test`.

Run it as `python benchmarks/faults.py`; it prints a Markdown table. Keras' test is
called as Keras' own tests call it: the class, its arguments, an input shape, and the
class as a custom object; nothing of what an author would have to know beforehand.
"""

import contextlib
import importlib
import sys
import warnings
from typing import Any

from workshop import ROOT

__all__ = ["main"]


def main() -> int:
    """The exit status: 1 where our own suite misses a fault."""
    warnings.simplefilter("ignore")
    sys.path.insert(0, str(ROOT / "tests"))
    from test_conformance_faults import FAULTS

    print("| fault, by the check that is for it | kerasplug | `run_layer_test` |")
    print("|---|---|---|")
    counts = [0, 0]
    for name, fault in FAULTS.items():
        # A faulty module may print; the table alone is on standard output.
        with contextlib.redirect_stdout(sys.stderr):
            caught = _ours(name, fault), _theirs(fault)
        counts = [count + one for count, one in zip(counts, caught, strict=True)]
        print(f"| `{name}` | {_word(caught[0])} | {_word(caught[1])} |", flush=True)
    print(f"| **{len(FAULTS)} faults** | **{counts[0]}** | **{counts[1]}** |")
    return int(counts[0] < len(FAULTS))


def _word(caught: object) -> str:
    return "caught" if caught else "missed"


def _ours(name: str, fault: Any) -> bool:
    from conformance_kit import failing

    return name in failing(fault, checks=[name])


def _theirs(fault: Any) -> bool:
    """Whether Keras' own test fails for the layer."""
    from keras.src import testing

    module, _, path = fault.layer.partition(":")
    layer_class = getattr(importlib.import_module(module), path)
    given = {key: fault.options[key] for key in _SAME if key in fault.options}
    try:
        testing.TestCase("run_layer_test").run_layer_test(
            layer_class,
            fault.options.get("init_kwargs", {}),
            custom_objects={layer_class.__name__: layer_class},
            **given,
        )
    except Exception:  # noqa: BLE001 -- however it fails, it noticed something
        return True
    return False


#: What both call by the same name.
_SAME = ("input_shape", "input_data", "input_dtype", "call_kwargs")


if __name__ == "__main__":
    sys.exit(main())
