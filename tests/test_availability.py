"""Availability: which Keras is installed here, in which version, and what helps."""

import pytest
from bare import bare, put, put_keras
from fakes import install, python
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

import kerasplug
from kerasplug._frameworks.dependencies import missing_dependencies
from kerasplug._frameworks.metadata import malformed, satisfies
from kerasplug.errors import KerasplugWarning, KerasVersionError
from kerasplug.implementation import availability

STATE = """
    from kerasplug.implementation import availability
    answer = availability()
    print(answer.state, answer.version, answer.reason, answer.mend, sep="|")
"""


def test_without_keras(tmp_path):
    """Without Keras kerasplug is imported, availability says how to get one."""
    out = bare(
        """
        import sys, kerasplug
        keras = kerasplug.implementation()
        print(kerasplug.is_keras_available(), "keras" in sys.modules)
        try:
            keras.layers
        except kerasplug.KerasplugError as error:
            print(type(error).__name__, isinstance(error, ImportError), error.mend)
        for need in (kerasplug.keras_version, kerasplug.require_keras):
            try:
                need()
            except kerasplug.KerasplugError as error:
                print(type(error).__name__, error.mend)
        """,
        tmp_path,
    ).stdout.splitlines()
    assert out == [
        "False False",
        'KerasMissingError True python -m pip install "kerasplug[tensorflow]"',
        *['KerasMissingError python -m pip install "kerasplug[tensorflow]"'] * 2,
    ]


def test_install_command_follows_the_question(tmp_path):
    """The install command names the asked version and the backend."""
    out = bare(
        """
        from kerasplug.implementation import availability
        print(availability(">=3.15,<4").mend)
        print(availability("3.15").mend)
        """,
        tmp_path,
        env={"KERAS_BACKEND": "jax"},
    ).stdout.splitlines()
    assert out == [
        'python -m pip install "kerasplug[jax]" "keras>=3.15,<4"',
        'python -m pip install "kerasplug[jax]" "keras>=3.15"',
    ]


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (
            {"keras-3.15.1.dist-info/METADATA": "Name: keras\nVersion: 3.15.1\n"},
            "files",
        ),
        ({"keras/README": ""}, "no __init__.py"),
        ({"keras/__init__.py": ""}, "has no version"),
        (
            {
                "keras/__init__.py": "",
                "keras-3.dist-info/METADATA": "Name: keras\nVersion: unknown\n",
            },
            "has no version",
        ),
    ],
)
def test_installed_but_broken(tmp_path, files, why):
    """A Keras of which a part is missing is broken, not missing."""
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    put(tmp_path, "tensorflow")
    state, _, reason, mend = bare(STATE, tmp_path, tmp_path).stdout.strip().split("|")
    assert state == "broken"
    assert why in reason
    assert mend.startswith("python -m pip install")


NEEDS = """\
Requires-Dist: absent-plain
Requires-Dist: absent_with.version>=2,<3
Requires-Dist: absent-in-parentheses (>=1)
Requires-Dist: absent-with-marker; python_version >= "3"
Requires-Dist: absent-on-other-systems; sys_platform == "no such system"
Requires-Dist: absent-extra; extra == "more"
Requires-Dist: namex
Requires-Dist: packaging>=20
Requires-Dist: present-dist
Requires-Dist: Present.Module
Requires-Dist: not a requirement at all
"""


def test_keras_without_what_it_needs_is_broken(tmp_path):
    """A Keras whose own dependency is missing is broken; the mend installs those."""
    put(tmp_path, "tensorflow")
    put(tmp_path, "present_dist", None)  # metadata are enough
    (tmp_path / "present_module.py").write_text("")
    modules = {"keras/__init__.py": ""}
    install(tmp_path, "keras", {}, version="3.15.1", metadata=NEEDS, modules=modules)
    state, version, reason, mend = bare(STATE, tmp_path, tmp_path).stdout.split("|")
    assert (state, version) == ("broken", "3.15.1")
    lacking = (
        "absent-plain, absent_with.version>=2,<3, absent-in-parentheses (>=1), "
        "absent-with-marker."
    )
    assert reason == f"keras 3.15.1 is installed without what it needs: {lacking}"
    assert mend.strip() == (
        'python -m pip install absent-plain "absent_with.version>=2,<3" '
        '"absent-in-parentheses (>=1)" absent-with-marker'
    )


def test_engine_under_another_name_is_there(tmp_path):
    """What tf_keras needs may be installed as a distribution of another name."""
    put(tmp_path, "tensorflow", None)
    for path in tmp_path.glob("tensorflow-*"):
        path.rename(tmp_path / "tensorflow_cpu-2.21.0.dist-info")
    (tmp_path / "tensorflow").mkdir()
    (tmp_path / "tensorflow" / "__init__.py").write_text("")
    needs = "Requires-Dist: tensorflow<2.22,>=2.21\n"
    modules = {"tf_keras/__init__.py": ""}
    install(tmp_path, "tf_keras", {}, version="2.21.0", metadata=needs, modules=modules)
    out = bare(STATE, tmp_path, tmp_path, env={"KERAS_IMPLEMENTATION": "tf_keras"})
    assert out.stdout.startswith("available|2.21.0")


def test_keras_that_runs_has_what_it_needs(tmp_path):
    """A Keras that is loaded proves that it works, whatever its metadata say."""
    put(tmp_path, "tensorflow")
    modules = {"keras/__init__.py": ""}
    needs = "Requires-Dist: absent\n"
    install(tmp_path, "keras", {}, version="3.15.1", metadata=needs, modules=modules)
    code = "import keras, kerasplug; print(kerasplug.is_keras_available())"
    assert bare(code, tmp_path, tmp_path).stdout.strip() == "True"


def test_real_keras_lacks_nothing():
    """The Keras of this environment, and the legacy one, have what they need."""
    assert missing_dependencies("keras") == []
    assert missing_dependencies("tf_keras") == []


def test_checkout_without_metadata(tmp_path):
    """A Keras that is on the path without being installed has its source's version."""
    put(tmp_path, "tensorflow")
    (tmp_path / "keras" / "src").mkdir(parents=True)
    (tmp_path / "keras" / "__init__.py").write_text("")
    (tmp_path / "keras" / "src" / "version.py").write_text('__version__ = "3.16.0"\n')
    out = bare(STATE, tmp_path, tmp_path).stdout.strip()
    assert out == "available|3.16.0||"


@pytest.mark.parametrize(
    ("backend", "there", "state"),
    [
        ("jax", (), "unsuitable"),
        ("jax", ("jax",), "broken"),
        ("jax", ("jax", "jaxlib"), "available"),
        ("numpy", ("numpy", "jax", "jaxlib"), "broken"),
        ("numpy", ("numpy", "jax", "jaxlib", "scipy"), "available"),
        ("torch", ("torch",), "available"),
        ("mlx", ("keras_mlx",), "available"),
        ("mlx", ("jax", "jaxlib"), "unsuitable"),
        ("", ("tensorflow",), "available"),
    ],
)
def test_backend_decides(tmp_path, backend, there, state):
    """An installed Keras is available only with all that its backend imports."""
    put_keras(tmp_path)
    for name in there:
        put(tmp_path, name)
    out = bare(STATE, tmp_path, tmp_path, env={"KERAS_BACKEND": backend}).stdout
    assert out.split("|")[0] == state, out


def test_asked_backend(tmp_path):
    """For a backend that a caller asks for, the mend is to install that one."""
    put(put(put_keras(tmp_path), "jax"), "jaxlib")
    out = bare(
        """
        from kerasplug.implementation import availability
        print(availability(backend="jax"))
        print(availability(backend="torch").mend)
        """,
        tmp_path,
        tmp_path,
    ).stdout.splitlines()
    assert out == [
        "<Availability available: 3.15.1>",
        "python -m pip install torch",
    ]


def test_blocked_module_is_missing(tmp_path):
    """A module that is None in sys.modules, Python's way to block it, is missing."""
    put(put_keras(tmp_path), "tensorflow")
    code = "import sys\nsys.modules['keras'] = sys.modules['tensorflow'] = None\n"
    out = bare(code + STATE.replace("\n    ", "\n"), tmp_path, tmp_path).stdout
    assert out.startswith("missing|")


@pytest.mark.parametrize(
    ("version", "requirement", "good"),
    [
        ("3.15.1", "3.15", True),
        ("3.15.1", "3.16", False),
        ("3.15.1", ">=3.15,<4", True),
        ("3.15.1", "~=3.14", True),
        ("3.15.1", "==3.15.*", True),
        ("3.15.1", "!=3.15.1", False),
        ("2.15.0rc1", "2.15.0", True),
        ("3.16.0.dev20260101", ">=3.16", True),
        ("3.16.0.dev20260101", "<3.16", False),
        ("2.21.0+cpu", "==2.21.0", True),
    ],
)
def test_versions(version, requirement, good):
    """A plain version means at least; pre-releases count as what they become."""
    assert satisfies(version, requirement) is good


@pytest.mark.parametrize(
    "wanted", ["", "three", ">=", "3.15 or so", "=3", 3.15, ("3",)]
)
def test_malformed_versions(wanted):
    """What is not a version or specifier is told so."""
    assert malformed(wanted)


@pytest.mark.parametrize(
    "question",
    [
        {"version": "three"},
        {"version": 3.15},
        {"implementation": "theano"},
        {"implementation": 3},
        {"backend": 3},
        {"probe": "guess"},
    ],
)
def test_senseless_question(question):
    """A question that makes no sense is answered False with one warning here."""
    with pytest.warns(KerasplugWarning) as caught:
        assert kerasplug.is_keras_available(**question) is False
    assert [warning.filename for warning in caught] == [__file__]


def test_unknown_implementation_in_the_environment(tmp_path):
    """An unknown name in the environment is an error at first use, not at import."""
    out = bare(
        """
        import warnings, kerasplug
        keras = kerasplug.implementation()
        warnings.simplefilter("ignore")
        print(kerasplug.is_keras_available())
        try:
            keras.layers
        except kerasplug.KerasplugError as error:
            print(error)
        """,
        tmp_path,
        env={"KERAS_IMPLEMENTATION": "Kears"},
    ).stdout
    assert out.splitlines()[0] == "False"
    assert "KERAS_IMPLEMENTATION=Kears" in out
    assert "one of tensorflow, keras, tf_keras" in out


def test_versions_in_errors(tmp_path):
    """require_keras names the version that is there, the asked one, and a command."""
    put(put_keras(tmp_path), "tensorflow")
    out = bare(
        """
        import kerasplug
        kerasplug.require_keras(">=3.4,<4")
        print(kerasplug.keras_version())
        for wanted in ("4", "four"):
            try:
                kerasplug.require_keras(wanted)
            except kerasplug.KerasplugError as error:
                print(type(error).__name__, error.found, error.expected, error.mend)
        """,
        tmp_path,
        tmp_path,
    ).stdout.splitlines()
    assert out[:2] == [
        "(3, 15, 1)",
        'KerasVersionError Keras 3.15.1 4 python -m pip install "keras>=4"',
    ]
    assert out[2].startswith("ImplementationError")


def test_nothing_is_remembered(tmp_path):
    """Availability follows sys.path and the environment from call to call."""
    put(put(put_keras(tmp_path / "late"), "jax"), "jaxlib")
    out = bare(
        f"""
        import os, sys
        from kerasplug.implementation import availability
        print(availability().state)
        sys.path.insert(0, {str(tmp_path / "late")!r})
        print(availability().state)
        os.environ["KERAS_BACKEND"] = "jax"
        print(availability().state)
        """,
        tmp_path,
    ).stdout
    assert out.split() == ["missing", "unsuitable", "available"]


def test_subprocess_probe(tmp_path):
    """A real import elsewhere finds what metadata can't, and takes our sys.path."""
    put(tmp_path / "b", "tensorflow")
    put_keras(tmp_path / "b", "import absent_dependency\n")
    put(put_keras(tmp_path / "a"), "tensorflow")
    out = bare(
        """
        import sys
        from kerasplug.implementation import availability
        for folder in ("none", "a", "b"):
            sys.path.insert(0, folder)
            sys.path_importer_cache.clear()
            for probe in ("metadata", "subprocess"):
                answer = availability(implementation="keras", probe=probe)
                print(answer.state, answer.reason, answer.mend)
        print("keras" in sys.modules)
        """,
        tmp_path,
    ).stdout.splitlines()
    states = [line.split()[0] for line in out]
    assert states == [
        *("missing", "missing", "available", "available", "available", "broken"),
        "False",
    ]
    assert "absent_dependency" in out[5]


def test_dying_import_is_broken(tmp_path):
    """A Keras that ends the process at import is broken, with its last words."""
    put_keras(tmp_path, "import os; os.write(2, b'aaargh'); os._exit(3)\n")
    put(tmp_path, "tensorflow")
    code = STATE.replace("availability()", "availability(probe='subprocess')")
    out = bare(code, tmp_path, tmp_path).stdout
    assert out.startswith("broken|3.15.1|")
    assert "ended with 3: aaargh" in out


def test_availability_is_plain_to_read():
    """An answer is true only when available, and makes the error that fits."""
    answer = availability(">=99")
    assert not answer
    assert answer.state in ("unsuitable", "missing")
    error = answer.error()
    assert isinstance(error, KerasVersionError)
    assert error.mend == 'python -m pip install "keras>=99"'


@pytest.mark.engine
def test_real_probe(tmp_path):
    """The probe imports the real Keras elsewhere, and writes nothing to its home."""
    home = tmp_path / "home"
    env = {"KERAS_HOME": str(home), "KERAS_BACKEND": "jax"}
    out = python(
        """
        import sys, kerasplug
        print(kerasplug.is_keras_available(">=3", probe="subprocess"))
        print(kerasplug.is_backend_available("jax", probe="subprocess"))
        print("keras" in sys.modules)
        """,
        env=env,
    ).stdout
    assert out.split() == ["True", "True", "False"]
    assert not home.exists()


RELEASE = st.lists(st.integers(0, 20), min_size=1, max_size=4).map(
    lambda parts: ".".join(map(str, parts))
)


@given(version=RELEASE, wanted=RELEASE, sign=st.sampled_from(["", ">=", ">= "]))
def test_the_short_way_to_compare_releases_is_pep_440s(version, wanted, sign):
    """Plain releases compare as `packaging` compares them."""
    expected = SpecifierSet(f">={wanted}").contains(version)

    assert satisfies(version, sign + wanted) is expected


def test_malformed_metadata_of_anybody_break_no_question(tmp_path):
    """A line of nonsense in some distribution's entry points is nobody's business."""
    info = tmp_path / "site" / "odd-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Name: odd\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[keras.backends]\nno equals sign\n")
    code = "import kerasplug; print(kerasplug.is_backend_available('no_such_engine'))"

    assert python(code, tmp_path / "site").stdout == "False\n"
