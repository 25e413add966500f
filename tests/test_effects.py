"""What hook modules change about the process: reported, and kept from everybody."""

import re
import textwrap

import pytest
from plugin_kit import HOOKS, Site, assert_healthy

SOUND = textwrap.dedent(HOOKS.format(name="loud", module="ill_plugin.layers"))

#: What it does -> source, what the report says, the text of a check in the lister.
CASES = {
    "prints": (
        "print('hello from a plugin')\n",
        r"prints to standard output when it is imported \(20 characters: 'hello from",
        "True",
    ),
    "writes to file descriptor 1": (
        "import os\nos.write(1, b'bytes')\n",
        r"prints to standard output when it is imported \(5 characters\)",
        "True",
    ),
    "keeps standard output": (
        "import sys\nsys.stdout = open('/dev/null', 'w')\n",
        "",
        "sys.stdout is sys.__stdout__",
    ),
    "changes the warnings filters": (
        "import warnings\nwarnings.simplefilter('error')\n",
        r"changes the warnings filters; undone",
        "not any(one[0] == 'error' for one in warnings.filters)",
    ),
    "adds to sys.path": (
        "import sys\nsys.path.insert(0, '/no/such/folder')\n",
        r"changes sys\.path \(adds '/no/such/folder'\); undone",
        "'/no/such/folder' not in sys.path",
    ),
    "empties sys.path": (
        "import sys\nsys.path.clear()\n",
        r"changes sys\.path \(removes or moves folders\); undone",
        "len(sys.path) > 1",
    ),
    "sets a variable": (
        "import os\nos.environ['CUDA_VISIBLE_DEVICES'] = 'secret'\n",
        r"changes the environment \(CUDA_VISIBLE_DEVICES\); undone",
        "os.environ.get('CUDA_VISIBLE_DEVICES') != 'secret'",
    ),
    "removes a variable": (
        "import os\ndel os.environ['XDG_CACHE_HOME']\n",
        r"changes the environment \(XDG_CACHE_HOME\); undone",
        "'XDG_CACHE_HOME' in os.environ",
    ),
    "changes the directory": (
        "import os\nos.chdir('/')\n",
        r"changes the current directory; undone",
        "os.getcwd() == before",
    ),
}

CHECK = """
    import os, sys, warnings
    before = os.getcwd()
    import kerasplug
    names = list(kerasplug.layers)
    assert "loud" in names, names
    assert {check}
    print("only this")
"""


@pytest.fixture
def site(tmp_path):
    """A site with a healthy plugin."""
    made = Site(tmp_path)
    made.add_healthy()
    return made


#: A file descriptor is not taken from a process that is in use.
ONLY_IN_A_CHILD = ("writes to file descriptor 1",)
PLACES = [
    (name, here)
    for name in CASES
    for here in ("", "1")
    if not (here and name in ONLY_IN_A_CHILD)
]


@pytest.mark.parametrize(("name", "here"), PLACES)
def test_what_a_hook_module_changes_is_reported_and_undone(site, name, here):
    """The plugin works; the process that lists is as it was, its output is its own."""
    source, said, check = CASES[name]
    site.add_ill(source + SOUND)

    process = site.start(CHECK.format(check=check), KERASPLUG_ASK_HERE=here)
    out, err = process.communicate(timeout=60)
    first, warm = site.ask(KERASPLUG_ASK_HERE=here), site.ask(KERASPLUG_ASK_HERE=here)

    assert out == "only this\n", err
    assert "secret" not in str(first.plugins)
    for report in (first, warm):
        assert_healthy(report)
        assert report.plugins["ill"]["state"] == "active"
        reports = report.plugins["ill"]["reports"]
        assert len(reports) == bool(said)
        assert re.search(said, "".join(reports))


def test_one_that_fails_is_undone_too(site):
    """Nothing stays of what a module did before it raised."""
    ill = "import os, sys\nsys.path.clear()\nos.environ['ILL'] = '1'\n1 / 0\n"
    site.add_ill(ill)
    code = """
        import os, sys
        import kerasplug
        list(kerasplug.layers)
        assert len(sys.path) > 1 and "ILL" not in os.environ
        print("as before")
    """

    process = site.start(code, KERASPLUG_ASK_HERE="1")

    out, err = process.communicate(timeout=60)
    assert out == "as before\n", err


def test_json_output_stays_clean_whatever_plugins_print(site):
    """A program that reads `kerasplug list --json` reads JSON."""
    site.add_ill("import os\nprint('noise')\nos.write(1, b'more noise')\n" + SOUND)

    for here in ("", "1"):
        done = site.kerasplug("list", "--json", KERASPLUG_ASK_HERE=here)
        assert done.returncode == 0
        assert done.stdout.lstrip()[0] in "[{"
        assert "noise" not in done.stdout


@pytest.mark.engine
def test_a_hook_module_that_imports_tensorflow_works_and_is_told(site):
    """It is reported with its cost, and only it: others are measured without it."""
    site.add_ill("import tensorflow\n" + SOUND)
    groups = {"kerasplug": {"zeal": "zeal.hooks"}}
    source = "import tensorflow\n" + SOUND.replace("loud", "zealous")
    site.add("zeal", groups, {"zeal/hooks.py": source})

    first, warm = site.ask(), site.ask()

    for report in (first, warm):
        assert_healthy(report)
        assert {"loud", "zealous"} <= set(report.names)
        for plugin in ("ill", "zeal"):
            assert report.plugins[plugin]["state"] == "active"
            line = report.plugins[plugin]["reports"][-1]
            assert re.match(r"imports tensorflow, .*to be listed, \d+\.\d s", line)
        assert not {"tensorflow", "keras", "numpy"} & set(report.loaded)
