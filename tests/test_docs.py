"""The documentation: its code runs, its links lead somewhere, nothing is missing."""

import ast
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import plaidml_kit
import pytest

plaidml_python = plaidml_kit.plaidml_python  # a fixture

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("README.md", "docs/**/*.md", "plugins/*/README.md")
    for path in ROOT.glob(pattern)
)

# What one reads in a page: a fence of Python, and above it perhaps why it can't run.
_FENCE = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]*) -->\n)?```python\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(
    r"(?<!\!)\[[^\]]+\]\((?!https?:)(?P<path>[^)#\s]*)(?:#(?P<anchor>[^)\s]+))?\)"
)

# Runs the blocks of a page as one program, under the page's own name and line numbers.
# Warnings are errors, but for those which Keras' own engines cause at import and which
# Keras causes with NumPy 2 when it writes HDF5.
_RUN = r"""
import sys, warnings
page, script = sys.argv[1:]
warnings.simplefilter("error")
warnings.filterwarnings("ignore", r".*np\.object.*", FutureWarning)
warnings.filterwarnings("ignore", r".*__array__ implementation", DeprecationWarning)
with open(script, encoding="utf-8") as file:
    code = compile(file.read(), page, "exec")
exec(code, {"__name__": "__main__"})
"""


class Block(NamedTuple):
    """A fence of Python: its first line in the page, from 1, and why it is not run."""

    line: int
    code: str
    reason: str | None


def blocks_of(page: str) -> list[Block]:
    text = (ROOT / page).read_text("utf-8")
    return [
        Block(
            text.count("\n", 0, found.start("code")) + 1,
            found["code"],
            found["reason"],
        )
        for found in _FENCE.finditer(text)
    ]


def script_of(blocks: list[Block]) -> str:
    """One program in which each line has the number that it has in the page."""
    lines: list[str] = []
    for block in blocks:
        lines += [""] * (block.line - 1 - len(lines)) + block.code.splitlines()
    return "\n".join(lines) + "\n"


@pytest.mark.engine
@pytest.mark.parametrize("page", [page for page in PAGES if blocks_of(page)])
def test_code_of_a_page_runs(page, tmp_path, request):
    """The Python of a page runs from top to bottom as one program without a warning."""
    script = tmp_path / "page.py"
    code = script_of([block for block in blocks_of(page) if block.reason is None])
    script.write_text(code, "utf-8")
    more = {}
    if "to_backend(" in code:
        python = request.getfixturevalue("plaidml_python")
        more["KERASPLUG_PLAIDML_PYTHON"] = str(python)

    done = subprocess.run(
        [sys.executable, "-c", _RUN, page, str(script)],
        env={**os.environ, "KERAS_HOME": str(tmp_path / "keras"), **more},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr[-4000:]


@pytest.mark.parametrize("page", PAGES)
def test_code_that_is_not_run_has_a_reason_and_is_python(page):
    """A block that the tests don't run says why, and is Python all the same."""
    for block in blocks_of(page):
        ast.parse(block.code)
        assert block.reason is None or len(block.reason) > 10, block


@pytest.mark.parametrize("page", PAGES)
def test_no_fence_escapes_the_tests(page):
    """Every fence of Python is one that the tests see: not indented, no other mark."""
    text = (ROOT / page).read_text("utf-8")
    fences = re.findall(r"^ *```+ *(?:python|py|pycon)\b", text, re.MULTILINE)

    assert len(fences) == len(blocks_of(page))


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    """A relative link in a page leads to a file, and its anchor to a heading there."""
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text("utf-8"), flags=re.DOTALL)
    for link in _LINK.finditer(text):
        target = (ROOT / page).parent / link["path"] if link["path"] else ROOT / page
        assert target.exists(), link[0]
        if link["anchor"]:
            assert link["anchor"] in anchors_of(target), link[0]


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        for heading in headings
    }


QUESTIONS = """
How should I cite Keras?
How can I run Keras on a GPU?
How can I run a Keras model on multiple GPUs?
What does "sample", "batch", "epoch" mean?
Why are Keras objects modified in place?
How can I save a Keras model?
Why is the training loss much higher than the testing loss?
How can I obtain the output of an intermediate layer?
How can I use Keras with datasets that don't fit in memory?
How can I interrupt training when the validation loss isn't decreasing anymore?
How is the validation split computed?
Is the data shuffled during training?
How can I record the training / validation loss / accuracy at each epoch?
How can I "freeze" Keras layers?
How can I use stateful RNNs?
How can I remove a layer from a Sequential model?
How can I use pre-trained models in Keras?
How can I use other Keras backends?
How can I use the PlaidML backend?
How can I use Keras in another Python package?
How can I obtain reproducible results using Keras during development?
Where is the Keras configuration file stored?
"""


def test_faq_has_all_questions_in_their_order():
    """The FAQ has the questions of the FAQ that it renders, in that order."""
    text = (ROOT / "docs/faq.md").read_text("utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)

    assert headings == QUESTIONS.split("\n")[1:-1]


def test_faq_answers_each_question_with_code_that_runs():
    """Each answer of the FAQ has code that the tests run and that asserts something."""
    text = (ROOT / "docs/faq.md").read_text("utf-8")
    for answer in text.split("\n## ")[1:]:
        run = [
            found["code"] for found in _FENCE.finditer(answer) if not found["reason"]
        ]
        assert "assert " in "".join(run), answer.split("\n", 1)[0]


def test_reference_covers_every_public_name():
    """The reference page has every public name of kerasplug."""
    kerasplug = importlib.import_module("kerasplug")
    text = (ROOT / "docs/reference.md").read_text("utf-8")
    documented = set(
        re.findall(r"^(?:::: kerasplug[\w.]*\.|- `)(\w+)`?", text, re.MULTILINE)
    )

    assert set(kerasplug.__all__) - {"__version__"} <= documented


def test_architecture_names_tests_that_exist():
    """Each test, and each file of tests, that the architecture names is there."""
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    paths = [*ROOT.glob("tests/*.py"), *ROOT.glob("plugins/*/tests/*.py")]
    files = {path.name: path.read_text("utf-8") for path in paths}
    everything = "".join(files.values())
    named = set(re.findall(r"`(test_\w+(?:\.py)?)`", text))

    assert named
    for name in named:
        assert name in files or f"def {name}(" in everything, name
