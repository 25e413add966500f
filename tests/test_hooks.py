"""Records and hook specs: the contract with plugins."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kerasplug
from kerasplug.errors import RecordError
from kerasplug.hooks import RECORD_TYPES, SPEC_MODULES, Needs, RemoteFile, lifecycle
from kerasplug.hooks.record import is_name, is_target

GOOD = {"name": "thing", "target": "package.module:Thing"}
FILE = RemoteFile(name="w.h5", url="https://example.org/w.h5", sha256="0" * 64)


@pytest.mark.parametrize("kind", RECORD_TYPES)
def test_every_kind_has_a_frozen_record(kind):
    """A record of each kind knows its kind, and nothing in it can be changed."""
    record = RECORD_TYPES[kind](**GOOD)

    assert record.kind == kind
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.name = "other"
    assert not hasattr(record, "__dict__")


@pytest.mark.parametrize("kind", RECORD_TYPES)
def test_a_record_survives_json(kind):
    """What a record writes as JSON makes an equal record again."""
    needs = Needs(keras=">=3.15", backends=("jax",), packages=("scipy>=1",))
    record = RECORD_TYPES[kind](
        **GOOD, registered_name="p>T", aliases=("Custom>T",), needs=needs, summary="x"
    )

    again = type(record).from_plain(json.loads(json.dumps(record.to_plain())))

    assert again == record


def test_nested_files_survive_json():
    """Weight files and shapes come back as what they were."""
    application = kerasplug.ApplicationRecord(**GOOD, weights=(FILE,), top1=0.7)
    dataset = kerasplug.DatasetRecord(
        **GOOD, files=[FILE], shapes=((2, None), (2,), (1, None), (1,)), classes=3
    )

    for record in (application, dataset):
        plain = json.loads(json.dumps(record.to_plain()))
        assert type(record).from_plain(plain) == record


# Each entry breaks a good record in one way: type, field, value, words of the rule.
BROKEN = [
    ("layer", "name", "", "a letter"),
    ("layer", "name", "9lives", "a letter"),
    ("layer", "name", "a/b", "a letter"),
    ("layer", "name", "x" * 201, "200"),
    ("layer", "name", None, "a letter"),
    ("layer", "target", "module", "module:attribute"),
    ("layer", "target", "module:", "module:attribute"),
    ("layer", "target", "os; rm:x", "module:attribute"),
    ("layer", "target", 3, "module:attribute"),
    ("layer", "registered_name", None, "a string"),
    ("layer", "summary", "two\nlines", "one line"),
    ("layer", "aliases", "Custom>T", "tuple"),
    ("layer", "aliases", ("",), "tuple"),
    ("layer", "needs", ">=3", "Needs"),
    ("object", "object_type", "gadget", "one of"),
    ("backend", "engine", "steam", "one of"),
    ("backend", "capabilities", ("fly",), "some of"),
    ("backend", "install", ("not a requirement!",), "PEP 508"),
    ("dataset", "shapes", ((1,), (1,)), "four shapes"),
    ("dataset", "shapes", (1, 2, 3, 4), "four shapes"),
    ("dataset", "dtypes", ("uint8",), "four dtypes"),
    ("dataset", "classes", 1, ">= 2"),
    ("dataset", "classes", "ten", ">= 2"),
    ("dataset", "files", ("w.h5",), "RemoteFile"),
    ("dataset", "licence", None, "a string"),
    ("application", "top1", 71.3, "in [0, 1]"),
    ("application", "top5", "high", "in [0, 1]"),
    ("application", "depth", 0, ">= 1"),
    ("application", "parameters", True, ">= 1"),
    ("application", "preprocessing", "magic", "one of"),
    ("application", "decoder", "magic", "module:attribute"),
    ("application", "weights", FILE, "RemoteFile"),
]


@pytest.mark.parametrize(
    ("kind", "field", "value", "words"),
    BROKEN,
    ids=[f"{kind}-{field}-{value!r:.20}" for kind, field, value, _ in BROKEN],
)
def test_a_bad_value_is_refused_by_name(kind, field, value, words):
    """The error names the field, the value that it got, and the rule."""
    with pytest.raises(RecordError) as caught:
        RECORD_TYPES[kind](**{**GOOD, field: value})

    error = caught.value
    assert (error.field, error.value) == (field, value)
    assert words in error.rule
    assert field in str(error)
    assert error.rule in str(error)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"keras": "three"}, "keras"),
        ({"python": ">>3"}, "python"),
        ({"implementations": ("theano",)}, "implementations"),
        ({"packages": ("===",)}, "packages"),
        ({"backends": "jax"}, "backends"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_bad_needs_are_refused_by_name(values, field):
    """`Needs` takes specifiers, known implementations and PEP 508 requirements."""
    with pytest.raises(RecordError) as caught:
        Needs(**values)

    assert caught.value.field == field


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "../w.h5"}, "name"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"url": "https://"}, "url"),
        ({"sha256": ""}, "sha256"),
        ({"sha256": "f" * 63}, "sha256"),
        ({"size": -1}, "size"),
        ({"mirrors": ("ftp://example.org/w.h5",)}, "mirrors"),
    ],
)
def test_a_file_without_a_hash_or_with_a_strange_place_is_refused(change, field):
    """A file needs a plain name, a web address and a whole SHA-256."""
    with pytest.raises(RecordError) as caught:
        RemoteFile(**{**FILE.to_plain(), **change})

    assert caught.value.field == field


def test_fields_of_a_newer_host_are_remembered_and_ignored():
    """A field that this version does not know does no harm to the record."""
    record = kerasplug.LayerRecord(**GOOD, colour="green")

    assert record.unknown_fields == ("colour",)
    assert record.name == "thing"


@pytest.mark.parametrize(
    "module",
    [one for one in SPEC_MODULES if one is not lifecycle],
    ids=lambda one: one.__name__,
)
def test_every_spec_is_a_documented_hook(module):
    """Each kind's module holds one hook spec with a docstring and no arguments."""
    hooks = [name for name in vars(module) if name.startswith("kerasplug_")]

    assert len(hooks) == 1
    assert getattr(module, hooks[0]).__doc__
    assert list(getattr(module, hooks[0])()) == []


@given(st.text(max_size=20))
def test_a_name_never_holds_what_a_path_or_keras_minds(text):
    """Whatever is a name is safe as a file name and as part of a Keras name."""
    if is_name(text):
        assert text.isascii()
        assert not set(text) & set("/\\:> \t\n\0")
        assert not text.startswith(".")


@given(
    st.from_regex(r"[a-z_]{1,5}(\.[a-z_]{1,5}){0,2}:[A-Z][a-z]{0,5}", fullmatch=True)
)
def test_targets_are_module_and_attribute(text):
    """Every dotted module, a colon and an attribute make a target."""
    assert is_target(text)
