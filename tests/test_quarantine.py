"""Hook modules that hang, end or crash the process that asks them."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from plugin_kit import HOOKS, Site, assert_healthy

SEGFAULT = "import ctypes\nctypes.string_at(0)\n"
SOUND = HOOKS.format(name="sound_again", module="ill_plugin.layers")
SLEEPS = "import time\ntime.sleep(600)\n"

#: What it is -> source of the hook module, words of the cause, words of the trace.
CASES = {
    "os._exit": ("import os\nos._exit(7)\n", "with exit code 7", "os._exit(7)"),
    "a quiet os._exit": ("import os\nos._exit(0)\n", "with exit code 0", "os._exit(0)"),
    "a segmentation fault": (SEGFAULT, "by SIGSEGV", "Segmentation fault"),
    "abort": ("import os\nos.abort()\n", "by SIGABRT", "Aborted"),
    "a kill": (
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
        "by SIGKILL",
        "",
    ),
    "another program": (
        "import os, sys\nos.execv(sys.executable, [sys.executable, '-c', 'pass'])\n",
        "with exit code 0",
        "",
    ),
    "a hang": (SLEEPS, "had not answered after 0:00:02", "hooks.py"),
    "a loop": ("while True:\n    pass\n", "had not answered after 0:00:02", "hooks.py"),
}


@pytest.fixture
def site(tmp_path):
    """A site with a healthy plugin."""
    made = Site(tmp_path)
    made.add_healthy()
    return made


def ask(site, *names, **env):
    """The report of a fresh process that gives hook modules two seconds."""
    return site.ask(*names, KERASPLUG_HOOK_TIMEOUT="2", **env)


def notices(report):
    """How often a process said that something is quarantined."""
    return report.err.count("is quarantined")


@pytest.mark.parametrize("name", CASES)
def test_what_ends_its_process_is_quarantined(site, name):
    """The start that meets it goes on and says so once; later ones leave it alone."""
    source, cause, trace = CASES[name]
    note = site.folder / "asked"
    mark = f"open({str(note)!r}, 'a').write('x')\n"
    site.add_ill(mark + source)

    first, second, third = (ask(site, "healthy_gate", "ill/x") for _ in range(3))

    for report in (first, second, third):
        assert_healthy(report)
        assert report.plugins["ill"]["state"] == "quarantined"
        fault = report.fault()
        assert (fault["plugin"], fault["version"]) == ("ill", "0.3")
        assert fault["quarantined"]
        assert cause in fault["cause"]
        assert trace in fault["trace"]
        assert "kerasplug doctor --retry ill" in fault["mend"]
        assert report.used["ill/x"]["error"] == "PluginError"
        assert cause in report.used["ill/x"]["text"]
    assert [notices(one) for one in (first, second, third)] == [1, 0, 0]
    assert note.read_text() == "x"  # it was asked once, in all


def test_all_others_are_asked_after_a_crash(site):
    """Two that crash cost two children; those after them are heard."""
    for number in (1, 2):
        groups = {"kerasplug": {f"bad-{number}": f"bad_{number}.hooks"}}
        site.add(f"bad-{number}", groups, {f"bad_{number}/hooks.py": SEGFAULT})
    groups = {"kerasplug": {"zeal": "zeal.hooks"}}
    source = HOOKS.format(name="zealous", module="zeal.layers")
    site.add("zeal", groups, {"zeal/hooks.py": source})

    report = ask(site)

    assert_healthy(report)
    assert "zealous" in report.names
    states = {name: one["state"] for name, one in report.plugins.items()}
    assert states["bad-1"] == states["bad-2"] == "quarantined"
    assert states["zeal"] == "active"


def test_a_crash_in_a_question_within_a_question_is_the_inner_ones(site):
    """A plugin that lists others while it is asked is not blamed for their crash."""
    asks = "import kerasplug\nseen = list(kerasplug.layers)\n"
    groups = {"kerasplug": {"asks": "asks.hooks"}}
    site.add("asks", groups, {"asks/hooks.py": asks + _dedented("asks_others")})
    site.add_ill(SEGFAULT)

    report = ask(site)

    assert_healthy(report)
    assert report.plugins["ill"]["state"] == "quarantined"
    assert report.plugins["asks"]["state"] == "active"
    assert "asks_others" in report.names


def _dedented(name):
    return textwrap.dedent(HOOKS.format(name=name, module="m"))


def test_a_plugin_that_starts_python_to_ask_is_asked_once(site):
    """What a plugin starts sees all others, and does not ask the plugin again."""
    source = """
        import subprocess, sys
        from kerasplug import LayerRecord, hookimpl

        code = "import kerasplug; print(*kerasplug.layers)"
        command = [sys.executable, "-c", code]
        seen = subprocess.run(command, capture_output=True, text=True, check=True)

        @hookimpl
        def kerasplug_layers():
            summary = seen.stdout.strip()
            return [LayerRecord(name="nested", target="m:G", summary=summary)]
    """
    site.add_ill(source)

    report = site.ask()
    listed = json.loads(site.kerasplug("list", "layers", "--json").stdout)

    assert report.plugins["ill"]["state"] == "active"
    rows = listed if isinstance(listed, list) else listed["layers"]
    (row,) = [row for row in rows if row["name"] == "nested"]
    assert "healthy_hooked" in row["summary"].split()
    assert "nested" not in row["summary"].split()


def test_an_update_is_asked_again(site):
    """Another version of the plugin is another plugin."""
    site.add_ill(SEGFAULT)
    assert ask(site).plugins["ill"]["state"] == "quarantined"

    site.add_ill(SOUND, version="0.4")

    report = ask(site)
    assert report.plugins["ill"]["state"] == "active"
    assert "sound_again" in report.names


def test_a_changed_source_is_asked_again(site):
    """The author mends the file and need not release anything."""
    site.add_ill(SEGFAULT)
    assert ask(site).plugins["ill"]["state"] == "quarantined"

    (site.path / "ill_plugin" / "hooks.py").write_text(_dedented("sound_again"))

    assert "sound_again" in ask(site).names


def test_another_environment_is_not_concerned(site, tmp_path):
    """What crashed in one environment is asked in another one with the same cache."""
    site.add_ill(SEGFAULT)
    ask(site)
    other = Site(tmp_path / "other")
    other.cache = site.cache
    other.add_ill(_dedented("sound_again"))

    assert "sound_again" in ask(other).names
    assert ask(site).plugins["ill"]["state"] == "quarantined"


def test_eight_starts_at_once_quarantine_it_and_one_says_so(site):
    """Processes that meet the crash at the same time agree."""
    site.add_ill(SEGFAULT)
    started = [site.start(KERASPLUG_HOOK_TIMEOUT="20") for _ in range(8)]

    said = [process.communicate(timeout=300) for process in started]

    states = {json.loads(out)["plugins"]["ill"]["state"] for out, _ in said}
    assert states == {"quarantined"}
    assert sum(err.count("is quarantined") for _, err in said) == 1


HEALTHY_BUT_SLOW = f"import time\ntime.sleep(1)\n{_dedented('slow')}"


@pytest.mark.parametrize("here", ["", "1"], ids=["child", "in-process"])
def test_healthy_processes_at_once_are_no_crash(site, here):
    """Others that are in the middle of asking do not look like dead ones."""
    site.add_ill(HEALTHY_BUT_SLOW)
    started = []
    for _ in range(6):
        started.append(site.start(KERASPLUG_ASK_HERE=here))
        time.sleep(0.1)

    said = [process.communicate(timeout=300) for process in started]

    states = {json.loads(out)["plugins"]["ill"]["state"] for out, _ in said}
    assert states == {"active"}
    assert not any("quarantined" in err for _, err in said)
    assert not list(site.cache.glob("kerasplug/quarantine/*.json"))


def ctrl_c(site, source, **env):
    """How a process ends that gets a Ctrl-C while a hook module sleeps."""
    began = site.folder / "began"
    site.add_ill(f"open({str(began)!r}, 'w').close()\n{source}")
    process = subprocess.Popen(
        [sys.executable, "-c", "import kerasplug; list(kerasplug.layers)"],
        env=site.env(**env),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # as a terminal: the whole group gets the signal
    )
    while not began.exists():
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    return process.wait(60), process.communicate()[1]


@pytest.mark.parametrize("here", ["", "1"], ids=["child", "in-process"])
def test_ctrl_c_ends_the_program_and_is_no_crash(site, here):
    """The program ends with KeyboardInterrupt; the next one asks the plugin again."""
    source = f"import time\ntime.sleep(30)\n{_dedented('slow')}"

    code, err = ctrl_c(site, source, KERASPLUG_ASK_HERE=here)

    assert code in (-signal.SIGINT, 130)
    assert "KeyboardInterrupt" in err
    assert "quarantine" not in err
    hooks = site.path / "ill_plugin" / "hooks.py"
    hooks.write_text(hooks.read_text().replace("time.sleep(30)", ""))
    report = site.ask(KERASPLUG_ASK_HERE=here)
    assert report.plugins["ill"]["state"] == "active"
    assert not list(site.cache.glob("kerasplug/quarantine/*.json"))


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_child_that_somebody_ends_is_no_crash(site, name):
    """An administrator's signal says nothing about the plugin."""
    signal_own = (
        f"import os, signal\nsignal.signal(signal.{name}, signal.SIG_DFL)\n"
        f"os.kill(os.getpid(), signal.{name})\n"
    )
    site.add_ill(signal_own)

    for _ in range(2):
        report = ask(site)
        assert_healthy(report)
        assert report.plugins["ill"]["state"] == "faulty"
        assert name in report.fault()["cause"]
        assert notices(report) == 0


# Without a child: `KERASPLUG_ASK_HERE`, or where there can be none.


def test_a_crash_of_this_process_is_quarantined_by_the_next(site):
    """The process dies; the next start says so once and works, as all later ones do."""
    site.add_ill(SEGFAULT)

    dead = site.start(KERASPLUG_ASK_HERE="1")
    dead.communicate(timeout=60)
    second, third = (ask(site, "healthy_gate", KERASPLUG_ASK_HERE="1") for _ in "ab")

    assert dead.returncode == -signal.SIGSEGV
    for report in (second, third):
        assert_healthy(report)
        assert report.plugins["ill"]["state"] == "quarantined"
        assert "died over it" in report.fault()["cause"]
    assert [notices(one) for one in (second, third)] == [1, 0]
    assert sorted(
        path.suffix for path in site.cache.glob("kerasplug/quarantine/*")
    ) in (
        [".json"],
        [".json", ".lock"],
    )


@pytest.mark.parametrize(
    ("value", "here"), [("1", True), ("0", False), ("no", False), ("", False)]
)
def test_who_wants_it_asked_here_says_so(site, value, here):
    """`KERASPLUG_ASK_HERE` has the module imported by this process, unless it is no."""
    site.add_ill(SOUND)

    loaded = site.ask(KERASPLUG_ASK_HERE=value).loaded

    assert ("ill_plugin.hooks" in loaded) == here


def test_a_program_that_embeds_python_asks_by_itself(site):
    """`sys.executable` may be any program: it is started only if it is a Python."""
    site.add_ill(SOUND)
    code = """
        import sys
        sys.executable = "/bin/false-server"
        import kerasplug
        print(*kerasplug.layers)
        print(*[name for name in sys.modules if name.startswith("ill_plugin")])
    """

    out, err = site.start(code).communicate(timeout=60)

    listed, loaded = out.splitlines()
    assert "sound_again" in listed.split(), err
    assert "ill_plugin.hooks" in loaded.split()


def test_where_no_process_can_be_started_this_one_asks(site):
    """A system without further processes is no reason to lose a plugin."""
    site.add_ill(SOUND)
    code = """
        import resource, sys
        import kerasplug
        import subprocess, tempfile  # before there are no more processes
        from kerasplug.registry import starting
        def refuse(*_, **__):
            raise BlockingIOError("Resource temporarily unavailable")
        sys.addaudithook(lambda event, _: event == "subprocess.Popen" and refuse())
        print(*kerasplug.layers)
    """

    out, err = site.start(code).communicate(timeout=60)

    assert "sound_again" in out.split(), err


@pytest.mark.parametrize("text", ["soon", "0", "-1", "inf", "nan"])
def test_a_senseless_time_limit_is_an_error(site, text):
    """A limit that is none is not silently another one."""
    site.add_ill(SOUND)

    out, err = site.start(
        "import kerasplug; list(kerasplug.layers)", KERASPLUG_HOOK_TIMEOUT=text
    ).communicate(timeout=60)

    assert out == ""
    assert re.search(r"ConfigError: .*KERASPLUG_HOOK_TIMEOUT is not a time limit", err)
    assert "unset KERASPLUG_HOOK_TIMEOUT" in err


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"plugin": 3}', "\x00\xff"])
def test_garbage_in_the_quarantine_is_passed_over(site, text):
    """A damaged note is none; the plugin is asked again, and noted anew."""
    site.add_ill(SEGFAULT)
    ask(site)
    (note,) = site.cache.glob("kerasplug/quarantine/ill-*.json")
    note.write_text(text)

    report = ask(site)

    assert report.plugins["ill"]["state"] == "quarantined"
    assert notices(report) == 1


def test_a_cache_that_cannot_be_written_is_no_reason_to_fail(site):
    """Without a place for notes it is asked, and crashes its child, at each start."""
    site.add_ill(SEGFAULT)
    site.cache.mkdir()
    (site.cache / "kerasplug").write_text("a file where the folder would be")

    for _ in range(2):
        report = ask(site)
        assert_healthy(report)
        assert report.plugins["ill"]["state"] == "quarantined"
