"""Why an import has really failed: real packages, really imported."""

import importlib

import pytest
from fakes import install

from kerasplug._frameworks.causes import first_error, true_cause

GONE = "import gone_engine\n"


def package(site, name, source, *, requires=None, **modules):
    """Write a package whose `src` has this source; metadata where it requires things.

    Args:
        site: a folder on the path.
        name: of the top-level module.
        source: of its `src/__init__.py`.
        requires: what the metadata require; None: there are no metadata.
        **modules: modules beside it in `src` -> their source.
    """
    files = {"__init__": source, **modules}
    for stem, text in files.items():
        file = site / name / "src" / f"{stem}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (site / name / "__init__.py").write_text("", encoding="utf-8")
    if requires is not None:
        lines = "".join(f"Requires-Dist: {one}\n" for one in requires)
        install(site, name.replace("_", "-"), {}, metadata=lines)
    importlib.invalidate_caches()


def raised(module):
    """The error of an import that has to fail."""
    with pytest.raises(BaseException, match=r".") as caught:
        importlib.import_module(module)
    return caught.value


def cause_of(module):
    """The true cause of such an error."""
    return true_cause(raised(module))


@pytest.mark.parametrize(
    ("requires", "declared", "words"),
    [
        (["gone-engine>=2"], True, "and says that it needs it."),
        (["Gone.Engine"], True, "and says that it needs it."),
        (["numpy"], False, "and does not say that it needs it."),
        (["gone-engine ; extra == 'all'"], False, "does not say that it needs it."),
        ([], False, "does not say that it needs it."),
    ],
)
def test_who_imports_what_is_missing_is_said_and_whether_it_says_so(
    site, requires, declared, words
):
    """A missing module is named with who imports it, the line, and who declared it."""
    package(site, "keras_broken", f"import sys\n{GONE}", requires=requires)

    cause = cause_of("keras_broken.src")

    assert cause.module == "gone_engine"
    assert cause.text.startswith("gone_engine is not installed; keras-broken 1.0 ")
    assert cause.text.endswith(words)
    assert cause.where == f"{site / 'keras_broken' / 'src' / '__init__.py'}:2"
    assert cause.package == "keras-broken"
    assert cause.declared is declared
    assert cause.mend == "python -m pip install gone-engine"


def test_without_metadata_nobody_knows_what_was_declared(site):
    """A package without metadata has no distribution, and that is not called a no."""
    package(site, "keras_broken", GONE)

    cause = cause_of("keras_broken.src")

    assert cause.text == "gone_engine is not installed."
    assert (cause.package, cause.declared) == ("", None)
    assert cause.where.endswith("__init__.py:1")


@pytest.mark.parametrize("module", ["yaml", "PIL", "sklearn"])
def test_the_distribution_that_brings_a_module_is_what_is_declared(site, module):
    """A module that a distribution of another name brings is declared by that name."""
    brings = {"yaml": "PyYAML", "PIL": "pillow", "sklearn": "scikit-learn"}[module]
    source = f"raise ModuleNotFoundError('No module named', name={module!r})\n"
    package(site, "keras_broken", source, requires=[brings])

    cause = cause_of("keras_broken.src")

    assert cause.declared is True
    assert cause.mend == f"python -m pip install {brings.lower()}"


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("how", ["explicitly", "while it was handled"])
def test_what_hides_the_first_error_is_looked_through(site, depth, how):
    """Under one or two errors that say "not installed" the first one is found."""
    from_it = " from error" if how == "explicitly" else ""
    package(site, "keras_broken", "from . import level0\n", level0=GONE, requires=[])
    for level in range(depth):
        text = (
            f"try:\n    from . import level{level}\n"
            "except ImportError as error:\n"
            f"    raise ImportError('The backend is not installed'){from_it}\n"
        )
        below = {f"level{level + 1}": text}
        top = f"from . import level{level + 1}\n"
        package(site, "keras_broken", top, **below)

    error = raised("keras_broken.src")

    assert str(error) == "The backend is not installed"
    assert str(first_error(error)) == "No module named 'gone_engine'"
    assert true_cause(error).module == "gone_engine"
    assert true_cause(error).where.endswith("level0.py:1")


def test_what_else_was_handled_has_nothing_to_do_with_it(site):
    """An error that was handled when an import failed is not called its cause."""
    source = f"try:\n    {{}}['x']\nexcept KeyError:\n    {GONE}"
    package(site, "keras_broken", source)

    error = raised("keras_broken.src")

    assert isinstance(error.__context__, KeyError)
    assert first_error(error) is error
    assert true_cause(error).module == "gone_engine"


def test_an_import_error_raised_for_another_reason_is_taken_at_its_word(site):
    """What was looked up in vain before somebody raised an ImportError is no cause."""
    source = (
        "try:\n    {}['x']\nexcept KeyError:\n    raise ImportError('no licence')\n"
    )
    package(site, "keras_broken", source)

    error = raised("keras_broken.src")

    assert isinstance(error.__context__, KeyError)
    assert first_error(error) is error


def test_an_error_of_another_kind_is_not_looked_through(site):
    """What fails after a failed import was handled is the cause, not that import."""
    source = (
        f"try:\n    {GONE}except ImportError:\n    raise ValueError('no licence')\n"
    )
    package(site, "keras_broken", source, requires=[])

    error = raised("keras_broken.src")

    assert isinstance(error.__context__, ModuleNotFoundError)
    assert first_error(error) is error
    assert true_cause(error).text == "ValueError: no licence"
    assert "--force-reinstall keras-broken" in true_cause(error).mend


def test_of_a_module_and_its_substitute_the_substitute_is_missing(site):
    """Where a second module was tried for a missing first one, the second is named."""
    source = f"try:\n    import gone_first\nexcept ImportError:\n    {GONE}"
    package(site, "keras_broken", source)

    assert cause_of("keras_broken.src").module == "gone_engine"


def test_what_was_hidden_on_purpose_stays_hidden(site):
    """An error that was raised `from None` is taken at its word."""
    source = (
        f"try:\n    {GONE}except ImportError:\n    raise ImportError('x') from None\n"
    )
    package(site, "keras_broken", source)

    assert cause_of("keras_broken.src").text == "ImportError: x"


def test_errors_in_a_circle_come_to_an_end():
    """Errors that name each other as their cause are followed for a while only."""
    first, second = ImportError("first"), ImportError("second")
    first.__cause__, second.__cause__ = second, first

    assert first_error(first) in (first, second)


def test_a_native_library_that_is_not_there_is_named(site):
    """The words of the dynamic linker lead to the library and to who needs it."""
    source = "import ctypes\nctypes.CDLL('libgone_engine.so.7')\n"
    package(site, "keras_broken", source, requires=[])

    cause = cause_of("keras_broken.src")

    assert cause.module == "libgone_engine.so.7"
    assert "which keras-broken 1.0 needs" in cause.text
    assert "cannot open shared object file" in cause.text
    assert cause.mend == "python -m pip install --force-reinstall keras-broken"


def test_a_package_that_imports_itself_in_a_circle_is_said_to(site):
    """Two modules that want each other are one package's own fault."""
    package(
        site,
        "keras_ring",
        "from . import one\n",
        requires=[],
        one="from .two import two\none = 1\n",
        two="from .one import one\ntwo = 2\n",
    )

    cause = cause_of("keras_ring.src")

    assert cause.text.startswith("keras-ring 1.0 imports itself in a circle: ")
    assert "keras_ring.src.one.one" in cause.text
    assert cause.where.endswith("two.py:1")
    assert cause.mend == "python -m pip install --upgrade keras-ring"


def test_a_file_that_is_no_python_is_named(site):
    """A syntax error leads to its own file, line and distribution, not to who asked."""
    package(site, "keras_broken", "x = 1\ndef (:\n", requires=[])
    package(site, "keras_asking", "import keras_broken.src\n", requires=[])

    cause = cause_of("keras_asking.src")

    assert cause.text.startswith("SyntaxError: ")
    assert cause.where == f"{site / 'keras_broken' / 'src' / '__init__.py'}:2"
    assert cause.package == "keras-broken"
    assert cause.mend == "python -m pip install --force-reinstall keras-broken"


def test_a_package_that_lacks_a_file_of_its_own_is_incomplete(site):
    """A module that a package misses of itself is not called something to install."""
    package(site, "keras_broken", "import keras_broken.src.lost\n", requires=[])

    cause = cause_of("keras_broken.src")

    assert "lost" in cause.text
    assert "keras-broken" in cause.mend
    assert "install lost" not in cause.mend


@pytest.mark.parametrize(
    ("source", "lacking"),
    [
        ("import other_engine.new\n", "has no module other_engine.new"),
        ("from other_engine import new\n", "has no other_engine.new"),
    ],
)
def test_versions_that_do_not_fit_are_told_apart_from_what_is_missing(
    site, source, lacking
):
    """A package that is there and lacks something is of another version."""
    package(site, "other_engine", "", requires=[])
    package(site, "keras_broken", source, requires=["other-engine"])

    cause = cause_of("keras_broken.src")

    assert cause.text == (
        f"other_engine 1.0 {lacking}, which keras-broken 1.0 imports."
    )
    assert cause.mend == "python -m pip install --upgrade keras-broken"


def test_a_keras_without_something_asks_for_another_keras(site):
    """Where Keras lacks what a package for it imports, both are to be upgraded."""
    name = "keras.src.lost"
    source = f"raise ModuleNotFoundError('as Python says', name={name!r})\n"
    package(site, "keras_broken", source, requires=[])

    cause = cause_of("keras_broken.src")

    assert cause.text.startswith("keras ")
    assert f" has no module {name}, which keras-broken 1.0 imports." in cause.text
    assert cause.mend.startswith("python -m pip install --upgrade keras-broken ")
    assert "keras>=3.16" in cause.mend
