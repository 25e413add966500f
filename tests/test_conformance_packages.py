"""The table of published packages: what it names is there, and so the page says."""

import importlib.util
import sys
from pathlib import Path

import pytest

from kerasplug.testing.conformance.layer_case import LayerCase

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "conformance-of-packages.md").read_text("utf-8")


def loaded():
    path = ROOT / "benchmarks" / "packages" / "table.py"
    spec = importlib.util.spec_from_file_location("package_table", path)
    module = sys.modules["package_table"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.PACKAGES


PACKAGES = loaded()


def section_of(package):
    """What the page says of a package."""
    _, _, text = PAGE.partition(f"\n## {package.name} {package.version}\n")
    return text.partition("\n## ")[0]


def test_ten_layers_of_five_packages_at_least():
    """The table has ten layers of five packages, or more."""
    assert len(PACKAGES) >= 5
    assert sum(len(package.layers) for package in PACKAGES.values()) >= 10


@pytest.mark.parametrize("package", PACKAGES.values(), ids=list(PACKAGES))
def test_what_is_expected_names_checks(package):
    """Each failure that is expected is one of a check, with a reason."""
    for layer in package.layers:
        LayerCase(layer.target, expected_failures=layer.expected, **layer.options)


@pytest.mark.parametrize("package", PACKAGES.values(), ids=list(PACKAGES))
def test_page_tells_of_each_failure(package):
    """The page has each package, each layer, and each check that fails for one."""
    text = section_of(package)
    for layer in package.layers:
        assert f"`{layer.name}`" in text
        for check in layer.expected:
            assert f"`{check}`" in text
