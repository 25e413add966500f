"""`kerasplug demo --json`: the same demo, its facts for a program."""

import json

import pytest
from cli_kit import Shop


@pytest.mark.engine
@pytest.mark.slow
def test_json_has_the_facts_and_people_read_along(tmp_path):
    """The facts are on standard output, what people read is on standard error."""
    shop = Shop(tmp_path)
    folder = tmp_path / "out"

    said = shop.run("demo", "--epochs", "1", "--output", str(folder), "--json")

    assert said.code == 1  # one epoch is too few
    assert said.data == json.loads((folder / "summary.json").read_text("utf-8"))
    assert (said.data["epochs"], said.data["passed"]) == (1, False)
    assert "\nSummary\n" in said.err
    assert said.err.endswith("It does not work.\n")
