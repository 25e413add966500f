"""Plugins that seed their own engines: when they are called, and what fails."""

import random

import pytest

import kerasplug
from kerasplug import hookimpl, register, use_session_with_seed
from kerasplug.errors import PluginError, SeedError

pytestmark = pytest.mark.engine

#: What every call here has: this process has used its engine.
CALM = {
    "disable_gpu": False,
    "disable_parallel_cpu": False,
    "hash_seed": "ignore",
    "quiet": True,
}


class Engine:
    """A plugin with an engine of its own, which notes what it is told."""

    def __init__(self, answer="2 engines", before=None, after=None):
        self.told = []
        self.answer = answer
        self.fails = {"before": before, "after": after}

    def hear(self, when, seed):
        """Note a call, or fail."""
        self.told.append((when, seed, random.getstate()))
        if self.fails[when] is not None:
            raise self.fails[when]

    @hookimpl
    def kerasplug_before_seed(self, seed):
        """Note that it comes."""
        self.hear("before", seed)

    @hookimpl
    def kerasplug_after_seed(self, seed):
        """Note that it came, and answer."""
        self.hear("after", seed)
        return self.answer


@pytest.fixture(autouse=True)
def put_back():
    """Leave the process' random numbers as they were."""
    with kerasplug.seeded(0):
        yield


def test_a_plugin_is_called_before_and_after_everything_else():
    """Before nothing is seeded; afterwards Python is; what it says is in the report."""
    engine = Engine()
    state = random.getstate()
    with register(engine, name="toy"):
        report = use_session_with_seed(5, **CALM)

    (before, after) = engine.told
    assert before == ("before", 5, state)
    assert after[:2] == ("after", 5)
    random.seed(5)
    assert after[2] == random.getstate()
    assert report["plugin toy"].state == "applied"
    assert report["plugin toy"].reason == "2 engines"


@pytest.mark.parametrize(
    ("answer", "reason"), [(["one", "two"], "one; two"), (None, None), ((), None)]
)
def test_a_plugin_may_say_several_things_or_nothing(answer, reason):
    """Several texts are one measure; nothing is none."""
    with register(Engine(answer), name="toy"):
        report = use_session_with_seed(5, **CALM)

    found = [one.reason for one in report.measures if one.name == "plugin toy"]
    assert found == ([reason] if reason else [])


def test_a_plugin_that_fails_before_stops_the_seeding():
    """What it raises is the plugin's error, and nothing has changed."""
    state = random.getstate()
    engine = Engine(before=RuntimeError("no device"))
    with register(engine, name="toy"), pytest.raises(PluginError) as caught:
        use_session_with_seed(5, **CALM)

    assert caught.value.plugin == "toy"
    assert "no device" in str(caught.value)
    assert random.getstate() == state
    assert [one[0] for one in engine.told] == ["before"]


def test_a_plugin_that_fails_afterwards_does_not_keep_the_others():
    """All are called, all else is seeded, and then its error comes."""
    broken, whole = Engine(after=RuntimeError("gone")), Engine()
    with register(broken, name="broken"), register(whole, name="whole"):
        with pytest.raises(PluginError, match="gone"):
            use_session_with_seed(5, **CALM)
        report = use_session_with_seed(5, strict=False, **CALM)

    assert [one[0] for one in whole.told] == ["before", "after"] * 2
    assert report["plugin broken"].state == "failed"
    assert "gone" in report["plugin broken"].reason
    assert report["plugin whole"].state == "applied"
    assert not report.ok
    assert [one.name for one in report.failed] == ["plugin broken"]


def test_no_plugin_is_called_where_the_seed_is_refused():
    """A wrong seed is refused before anybody hears of it."""
    engine = Engine()
    with register(engine, name="toy"), pytest.raises(SeedError):
        use_session_with_seed(-5, **CALM)

    assert engine.told == []
