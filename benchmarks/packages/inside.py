"""Run the suite over the layers of one package; started in its private environment.

`python inside.py PACKAGE FILE` writes the reports to FILE as JSON.
"""

import json
import sys
from pathlib import Path

from table import PACKAGES, Layer

from kerasplug.errors import CheckSetupError
from kerasplug.testing import LayerCase


def main(name: str, file: str) -> None:
    """Check each layer of the package."""
    found = [_report(layer) for layer in PACKAGES[name].layers]
    Path(file).write_text(json.dumps(found), encoding="utf-8")


def _report(layer: Layer) -> dict[str, object]:
    """The report as plain values, with all that speaks against the layer in words."""
    case = LayerCase(layer.target, expected_failures=layer.expected, **layer.options)
    try:
        report = case.report()
    except CheckSetupError as error:
        return {"layer": layer.name, "checks": {}, "faults": [str(error)]}
    return {**report.to_dict(), "faults": [str(one) for one in report.faults]}


if __name__ == "__main__":
    main(*sys.argv[1:])
