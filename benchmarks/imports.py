"""What `import kerasplug` costs, beside the plugin library it is made with."""

from timing import BARE, Row, interleaved, ratio
from workshop import Workshop

__all__ = ["measure"]

_GOAL = 0.2


def measure(workshop: Workshop, repeats: int) -> list[Row]:
    """Rows about importing."""
    interpreter = workshop.interpreter()
    programs = {
        BARE: "pass",
        "import kerasplug": "import kerasplug",
        "import pluggy": "import pluggy",
    }
    samples = interleaved(interpreter.tasks(programs), repeats)
    return [ratio("imports", samples, "import kerasplug", "import pluggy", _GOAL)]
