"""YAML is plain data: written so that nobody misreads it, and read as nothing else."""

import json
import math

import pytest
import yaml
from architecture_kit import ODD
from fakes import python
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kerasplug.errors import MissingExtraError, ModelFileError
from kerasplug.saving.architecture import model_from_json, model_from_yaml
from kerasplug.saving.yaml_text import from_yaml, to_yaml

BAD_JSON = {
    "cut": '{"class_name": "Sequ',
    "twice": '{"class_name": "A", "class_name": "B", "config": {}}',
    "nan": '{"class_name": "A", "config": NaN}',
    "infinity": '{"class_name": "A", "config": -Infinity}',
    "overflow": '{"class_name": "A", "config": 1e999}',
    "long_number": '{"class_name": "A", "config": ' + "9" * 5000 + "}",
    "comment": '{"class_name": "A", "config": {}} // x',
    "deep": '{"class_name": "A", "config": ' + "[" * 100_000,
    "deep_and_whole": '{"class_name": "A", "config": ' + "[" * 400 + "]" * 400 + "}",
}


@pytest.mark.parametrize("text", BAD_JSON.values(), ids=BAD_JSON)
def test_bad_json_is_refused_before_anything_is_made(text):
    """Also what Python's reader takes: repeated keys, NaN, numbers that overflow."""
    with pytest.raises(ModelFileError, match="the JSON text"):
        model_from_json(text)


# --- YAML that would do something ---

_AT = "class_name: Sequential\nconfig: "
BAD_YAML = {
    "python_object": (_AT + "!!python/object/apply:os.system ['touch {}']", (2, 9)),
    "python_name": (_AT + "!!python/name:os.system", (2, 9)),
    "python_tuple": (_AT + "!!python/tuple [1]", (2, 9)),
    "own_tag": (_AT + "!x {}", (2, 9)),
    "verbatim_tag": (_AT + "!<tag:yaml.org,2002:python/none> a", (2, 9)),
    "plain_tag": (_AT + "!!str a", (2, 9)),
    "no_tag": (_AT + "! a", (2, 9)),
    "tagged_key": ("!!str class_name: a", (1, 1)),
    "set": ("a: !!set {b, c}", (1, 4)),
    "binary": ("a: !!binary aGk=", (1, 4)),
    "anchor": ("a: &x 1", (1, 4)),
    "anchored_list": ("a: &x [1]", (1, 4)),
    "alias": ("a: *x", (1, 4)),
    "merge": ("a:\n  <<: {b: 1}", (2, 3)),
    "twice": ("a: 1\nb: 2\na: 3", (3, 1)),
    "twice_quoted": ("a: 1\n'a': 2", (2, 1)),
    "documents": ("a: 1\n---\nb: 2", (2, 1)),
    "directive": ("%YAML 1.1\n---\na: 1", (1, 1)),
    "own_handle": ("%TAG ! tag:yaml.org,2002:python/\n---\na: 1", (1, 1)),
    "nan": ("a: .nan", (1, 4)),
    "infinity": ("a: -.inf", (1, 4)),
    "overflow": ("a: 1e999", (1, 4)),
    "long_number": ("a: " + "9" * 5000, (1, 4)),
    "key_of_number": ("1: a", (1, 1)),
    "key_of_null": ("~: a", (1, 1)),
    "key_of_list": ("? [a]\n: b", (1, 3)),
    "key_of_dict": ("{{a: 1}: b}", (1, 2)),
    "date": ("a: 2001-01-01", (1, 4)),
    "time": ("a: 12:30:00", (1, 4)),
    "yes": ("a: yes", (1, 4)),
    "off": ("a: OFF", (1, 4)),
    "octal": ("a: 017", (1, 4)),
    "new_octal": ("a: 0o17", (1, 4)),
    "hexadecimal": ("a: 0x1F", (1, 4)),
    "binary_number": ("a: 0b11", (1, 4)),
    "grouped": ("a: 1_000", (1, 4)),
    "default": ("a: =", (1, 4)),
    "deep": ("[" * 900, (1, 201)),  # PyYAML itself ends at 1,000
    "deep_in_lines": ("- " * 100_000, (1, 401)),
    "many": ("- a\n" * 500_000, (400_000, 3)),
}
_BOMB = "a: &a [x, x]\n" + "".join(
    f"{two}: &{two} [*{one}, *{one}, *{one}, *{one}, *{one}, *{one}, *{one}]\n"
    for one, two in zip("abcdefghijk", "bcdefghijkl", strict=True)
)


@pytest.mark.parametrize(
    ("name", "loader"),
    [
        (name, loader)
        for name in BAD_YAML
        for loader in ("fast", "python")
        if (name, loader) != ("many", "python")  # ten seconds, to say the same
    ],
)
def test_yaml_that_is_more_than_data_is_refused_with_its_place(
    name, loader, tmp_path, monkeypatch
):
    """By both parsers of PyYAML, with line and column, and nothing is done."""
    if loader == "python":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    marker = tmp_path / "harmed"
    text, (line, column) = BAD_YAML[name]
    text = text.replace("touch {}", f"touch {marker}")

    with pytest.raises(ModelFileError) as caught:
        model_from_yaml(text)

    assert f"line {line}, column {column}:" in str(caught.value)
    assert not marker.exists()
    assert len(str(caught.value)) < 500


def test_an_unsafe_reader_would_be_harmed(tmp_path):
    """What is refused does run where YAML is read as it once was by Keras."""
    marker = tmp_path / "harmed"
    text = BAD_YAML["python_object"][0].replace("touch {}", f"touch {marker}")

    yaml.unsafe_load(text)

    assert marker.exists()


def test_an_alias_bomb_is_refused_at_its_first_anchor():
    """Plain safe loading takes it, and makes a tree that grows sevenfold each line."""
    assert len(yaml.safe_load(_BOMB)) == 12

    with pytest.raises(ModelFileError, match="line 1, column 4") as caught:
        model_from_yaml(_BOMB)
    assert "an anchor, &a" in caught.value.found


def test_refusing_starts_no_keras_and_stays_small(tmp_path):
    """Within 300 MB and two seconds of processor time, in a process of its own."""
    texts = {name: text for name, (text, _) in BAD_YAML.items()}
    path = tmp_path / "texts.json"
    path.write_text(json.dumps({"yaml": texts, "json": BAD_JSON, "bomb": _BOMB}))
    code = f"""
        import json, pathlib, resource, sys, time
        from kerasplug.errors import ModelFileError
        from kerasplug.saving.architecture import model_from_json, model_from_yaml
        texts = json.loads(pathlib.Path({str(path)!r}).read_text())
        room = 300 * 2**20 + int(open("/proc/self/statm").read().split()[0]) * 4096
        resource.setrlimit(resource.RLIMIT_AS, (room, room))
        calls = [(model_from_yaml, text) for text in texts["yaml"].values()]
        calls += [(model_from_json, text) for text in texts["json"].values()]
        slowest = 0.0
        for call, text in [*calls, (model_from_yaml, texts["bomb"])]:
            start = time.process_time()
            try:
                call(text)
            except ModelFileError:
                slowest = max(slowest, time.process_time() - start)
            else:
                raise SystemExit(text[:100])
        print("keras" in sys.modules, slowest < 2)
    """

    assert python(code).stdout.split() == ["False", "True"]


def test_yaml_without_pyyaml_names_the_extra(tmp_path):
    """Where PyYAML is missing, the error says how to get it."""
    code = """
        import sys
        sys.modules["yaml"] = None
        from kerasplug.errors import MissingExtraError
        from kerasplug.saving.architecture import model_from_yaml
        try:
            model_from_yaml("a: 1")
        except MissingExtraError as error:
            print(error.extra, error.mend)
    """

    assert 'files python -m pip install "kerasplug[files]"' in python(code).stdout
    assert issubclass(MissingExtraError, ImportError)


# --- anything ---

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXTS
    | st.sampled_from(ODD)
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(_TEXTS | st.sampled_from(ODD), inner, max_size=5)
    ),
    max_leaves=40,
)
_MANY = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@_MANY
@given(_TREES)
def test_each_tree_comes_back_from_yaml(tree):
    """What JSON can say is written, and read as it was, by us and by PyYAML."""
    text = to_yaml(tree)

    assert json.dumps(from_yaml(text)) == json.dumps(tree)
    assert json.dumps(yaml.safe_load(text)) == json.dumps(tree)


@_MANY
@given(_LEAVES)
def test_each_name_comes_back_alone_and_as_a_key(leaf):
    """Scalars are the whole text, or a key where they are texts."""
    assert json.dumps(from_yaml(to_yaml(leaf))) == json.dumps(leaf)
    if isinstance(leaf, str):
        assert from_yaml(to_yaml({leaf: [leaf]})) == {leaf: [leaf]}


@_MANY
@given(st.text() | _TREES.map(to_yaml) | st.text("{}[]:,-'\"!&*<>|#% \n\tax1.e~?"))
def test_whatever_the_text_is_the_error_is_ours(text):
    """Any text is a model or one clear error, in both forms."""
    for call in (model_from_json, model_from_yaml):
        with pytest.raises(ModelFileError):
            call(text)


@_MANY
@given(st.text("{}[]:,-'\" \n\tabc1.e~?_0+xno", max_size=40))
def test_what_is_read_means_the_same_to_others(text):
    """Where we read something, PyYAML reads that too, or less exactly."""
    try:
        found = from_yaml(text)
    except ModelFileError:
        return
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    theirs = yaml.load(text, loader)  # noqa: S506 -- both are safe
    assert found == theirs or _numbers_as_words(found, theirs)


def _numbers_as_words(found, theirs) -> bool:
    """PyYAML takes 1e3, which is a number in JSON, for a word."""
    if isinstance(found, dict) and isinstance(theirs, dict):
        return all(
            one == two or _numbers_as_words(one, two)
            for one, two in zip(found.values(), theirs.values(), strict=True)
        )
    if isinstance(found, list) and isinstance(theirs, list):
        return all(
            one == two or _numbers_as_words(one, two)
            for one, two in zip(found, theirs, strict=True)
        )
    return isinstance(found, float) and math.isclose(found, float(theirs))
