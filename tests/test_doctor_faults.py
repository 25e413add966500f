"""`kerasplug doctor` about broken plugins: it finds them, and lets them try again."""

import textwrap

import pytest
from plugin_kit import HOOKS, Site
from test_claim_faults import TARGETS, add

SOUND = textwrap.dedent(HOOKS.format(name="sound_again", module="ill_plugin.layers"))


@pytest.fixture
def site(tmp_path):
    """A site with a healthy plugin."""
    made = Site(tmp_path)
    made.add_healthy()
    return made


@pytest.mark.parametrize("name", TARGETS)
def test_doctor_finds_it_before_anybody_uses_it(site, name):
    """`doctor --imports` tries all targets, elsewhere, and ends with 1."""
    target, words = TARGETS[name]
    add(site, {name: target, "ill_good": "ill_plugin.layers:Gate"})

    done = site.kerasplug("doctor", "--imports", "--json", KERASPLUG_ONLY="ill")

    assert done.returncode == 1, done.stderr
    assert words.removeprefix("expected: ") in done.stdout.replace('\\"', '"')
    assert "ill_good" not in "".join(
        line for line in done.stdout.splitlines() if "broken" in line
    )


def test_doctor_retry_asks_again(site):
    """`doctor --retry` clears it where the plugin is sound now, and only there.

    What the crash depended on lies outside the plugin here, as a native library would.
    """
    crash = f"if os.path.exists({str(site.folder / 'bad')!r}):\n    os._exit(1)\n"
    site.add_ill(f"import os\n{crash}{SOUND}")
    (site.folder / "bad").touch()
    assert site.ask().plugins["ill"]["state"] == "quarantined"

    still = site.kerasplug("doctor", "--retry", "ill")
    (site.folder / "bad").unlink()
    before = site.ask().plugins["ill"]["state"]
    released = site.kerasplug("doctor", "--retry", "ill")

    assert still.returncode == 1
    assert before == "quarantined"
    assert released.returncode == 0, released.stdout + released.stderr
    assert "ill_plugin.hooks was asked again and answers" in released.stdout
    assert "sound_again" in site.ask().names


def test_doctor_retry_tells_of_the_retried_alone(site):
    """Another fault of the plugin is mentioned, and does not count as this one's."""
    groups = {
        "kerasplug": {"ill-hooks": "ill_plugin.hooks"},
        "kerasplug.layers": {"ill_bad": "no target"},
    }
    bad = site.folder / "bad"
    crash = f"import os\nif os.path.exists({str(bad)!r}):\n    os._exit(1)\n"
    modules = {"ill_plugin/__init__.py": "", "ill_plugin/hooks.py": crash + SOUND}
    site.add("ill", groups, modules)
    bad.touch()
    assert site.ask().plugins["ill"]["state"] == "quarantined"
    bad.unlink()

    done = site.kerasplug("doctor", "--retry", "ill-hooks")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "kerasplug show ill" in done.stdout
    assert site.ask().plugins["ill"]["state"] == "faulty"
