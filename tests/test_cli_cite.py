"""`kerasplug cite`: BibTeX that a bibliography can be made of."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from bare import bare
from cite_kit import read
from cli_kit import HEAVY, Shop
from fakes import declare, install, python

import kerasplug
from kerasplug.cli.citations import entries_of

ROOT = Path(__file__).parents[1]
WRITTEN = "@Article{own2020, title={Ours {and} theirs}, year=2020}"
PAPER = "A. Ash, B. Birch and C. Cedar (2020). On Trees & Leaves. NICE 2021. "
PAPER += "arXiv:2001.00001."
EVIL = "X}\n@misc{y, title={z}} \\input{a} 50% #_~^\x1b[31m"
#: Name of an application -> what it says.
SAID = {
    "oak": PAPER,
    "elm": f" {PAPER}\n",
    "own": WRITTEN,
    "rival": WRITTEN.replace("Ours", "Mine"),
    "shared": "D. Date (1999). One.",
    "silent": "",
    "evil": EVIL,
    "sign": "É. Ďáblík (2001). Žlutý kůň.",
}
RECORDS = f"""
    from kerasplug import ApplicationRecord, DatasetRecord, LayerRecord, hookimpl

    @hookimpl
    def kerasplug_applications():
        return [
            ApplicationRecord(name=name, target="m:a", citation=text)
            for name, text in {SAID!r}.items()
        ]

    @hookimpl
    def kerasplug_datasets():
        return [
            DatasetRecord(name="shared", target="m:d", citation="D. Date (1999). Two."),
            DatasetRecord(name="silent", target="m:d"),
        ]

    @hookimpl
    def kerasplug_layers():
        return [LayerRecord(name=name, target="m:l") for name in ("oak", "bark")]
"""


@pytest.fixture
def shop(tmp_path):
    """A shop with a plugin whose things say how to cite them, or do not."""
    made = Shop(tmp_path)
    install(
        made.site,
        "woods",
        {"kerasplug": {"woods": "woods_hooks"}},
        version="2.1",
        modules={"woods_hooks.py": RECORDS},
    )
    return made


# --- software ---


def test_without_names_it_cites_what_everybody_uses(shop):
    """Keras, the backend that it uses, and the toolkit; nothing but BibTeX."""
    said = shop.run("cite", KERAS_BACKEND="jax")

    assert (said.code, said.err) == (0, "")
    found = read(said.out)
    assert [*found] == ["chollet2015keras", "jax2018github", "kerasplug"]
    assert found["chollet2015keras"].people == [r"Chollet, Fran\c{c}ois", "others"]
    assert found["chollet2015keras"].fields == {
        "title": "Keras",
        "year": "2015",
        "howpublished": r"\url{https://keras.io}",
    }


def test_versions_are_those_installed(shop):
    """JAX and the toolkit want their versions to be cited."""
    found = read(shop.run("cite", "jax", "kerasplug").out)

    assert found["jax2018github"].fields["version"] == version("jax")
    assert found["kerasplug"].fields["version"] == kerasplug.__version__


def test_the_toolkit_is_cited_as_its_file_says(shop):
    """CITATION.cff and the command have one title and the same authors."""
    said = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    found = read(shop.run("cite", "kerasplug").out)["kerasplug"]

    assert found.fields["title"] == f"{{{said['title']}}}"
    assert found.people == [f"{{{one['name']}}}" for one in said["authors"]]


def test_software_can_be_named(shop):
    """Keras, the engines and the toolkit, also where they are not installed."""
    names = ("torch", "tensorflow", "kerasplug", "torch")
    said = shop.run("cite", *names, without="torch")

    assert said.code == 0
    found = read(said.out)
    assert len(found) == 3
    assert len(found["tensorflow2015-whitepaper"].people) == 40
    assert len(found["ansel2024pytorch"].people) == 49


def test_an_engine_that_is_not_there_is_not_in_use(tmp_path):
    """Where nothing is installed, Keras and the toolkit are cited all the same."""
    code = "import sys; from kerasplug.cli import main; sys.exit(main(['cite']))"
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "KERAS_BACKEND": "jax"}

    found = read(bare(code, tmp_path, env=env).stdout)

    assert [*found] == ["chollet2015keras", "kerasplug"]


def test_a_plugin_may_provide_what_is_called_like_software(shop):
    """An application goes before the engine of its name; a backend does not."""
    source = """
        from kerasplug import ApplicationRecord, BackendRecord, hookimpl

        @hookimpl
        def kerasplug_applications():
            text = "J. Jay (2020). Birds."
            return [ApplicationRecord(name="jax", target="m:a", citation=text)]

        @hookimpl
        def kerasplug_backends():
            return [BackendRecord(name="torch", target="m:b", modules=("m",))]
    """
    groups = {"kerasplug": {"birds": "birds_hooks"}}
    install(shop.site, "birds", groups, modules={"birds_hooks.py": source})

    found = read(shop.run("cite", "jax", "torch").out)

    assert [*found] == ["ansel2024pytorch", "jay2020birds"]


# --- what plugins provide ---


def test_one_paper_is_one_entry(shop):
    """Of two applications, which are named in it."""
    said = shop.run("cite", "oak", "woods/elm", "oak")

    ((key, found),) = read(said.out).items()
    assert key == "ash2021trees"
    assert found.people == ["Ash, A.", "Birch, B.", "Cedar, C."]
    assert found.fields == {
        "title": r"{On Trees \& Leaves}",
        "year": "2021",
        "booktitle": "NICE 2021",
        "eprint": "2001.00001",
        "archivePrefix": "arXiv",
        "note": "applications oak, elm of woods 2.1",
    }


def test_a_name_of_two_kinds_cites_both(shop):
    """An application and a data set; their keys are told apart."""
    found = read(shop.run("cite", "shared").out)

    assert [*found] == ["date1999one", "date1999two"]


def test_kinds_that_cannot_say_it_do_not_count(shop):
    """A layer of the same name has no citation, and nobody misses it."""
    said = shop.run("cite", "oak")

    assert (said.code, said.err) == (0, "")
    assert [*read(said.out)] == ["ash2021trees"]


def test_what_the_author_wrote_is_passed_on(shop):
    """BibTeX in a record is not taken apart; a key that is taken gets a letter."""
    assert shop.run("cite", "own").out == WRITTEN + "\n"

    found = read(shop.run("cite", "own", "rival").out)
    assert [*found] == ["own2020", "own2020b"]
    assert found["own2020b"].fields["title"] == "Mine {and} theirs"


def test_a_plugin_cites_all_that_it_provides(shop):
    """By the name of the distribution; what says nothing is left out."""
    said = shop.run("cite", "Woods")

    assert (said.code, said.err) == (0, "")
    assert len(read(said.out)) == 7


def test_nothing_that_a_plugin_says_breaks_the_bibliography(shop):
    """Braces, line ends, commands: all of it is the text of one note."""
    said = shop.run("cite", "evil", "oak")

    found = read(said.out)
    assert [*found] == ["evil", "ash2021trees"]
    assert r"\textbackslash{}input\textbraceleft{}a" in found["evil"].fields["note"]
    assert r"50\% \#\_" in found["evil"].fields["note"]
    assert "\x1b" not in said.out


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_a_file_is_utf_8(shop, encoding):
    """Whatever encoding standard output has: LaTeX reads UTF-8."""
    said = shop.run("cite", "sign", PYTHONIOENCODING=encoding, PYTHONUTF8="0")

    found = read(said.out.encode(encoding).decode("utf-8"))
    assert found["dablik2001zluty"].people == ["Ďáblík, É."]
    assert found["dablik2001zluty"].fields["title"] == "{Žlutý kůň}"


def test_the_stream_keeps_its_encoding(shop):
    """Whoever calls the command inside a program gets standard output back."""
    code = """
        import io, sys
        from kerasplug.cli import main
        stream = sys.stdout = io.TextIOWrapper(io.BytesIO(), "latin-1", "replace")
        main(["cite", "sign"])
        stream.write("ů")
        stream.flush()
        sys.stderr.write(ascii(stream.buffer.getvalue()[-3:]) + stream.encoding)
    """
    done = python(code, shop.site, env={"XDG_CACHE_HOME": str(shop.cache)})

    assert done.stderr == r"b'}\n?'latin-1"


# --- what fails ---


def test_what_says_nothing_is_told_apart(shop):
    """The others are still printed, and the exit code tells."""
    said = shop.run("cite", "oak", "silent", "woods/bark")

    assert said.code == 1
    assert [*read(said.out)] == ["ash2021trees"]
    assert said.err.splitlines() == [
        line
        for kind, name in (
            ("application", "woods/silent"),
            ("dataset", "woods/silent"),
            ("layer", "woods/bark"),
        )
        for line in (
            f"kerasplug: the {kind} {name} does not say how to cite it",
            f"  mend:     kerasplug show {name} says where it is from",
        )
    ]


def test_a_plugin_may_have_nothing_to_say(shop):
    """That of which nothing can be cited is told, with nothing on standard output."""
    declare(shop.site, "lone", {"lone_gate": "lone_mod:Gate"})

    said = shop.run("cite", "lone")

    assert (said.code, said.out) == (1, "")
    assert "the plugin lone does not say how to cite it" in said.err


def test_an_unknown_name_is_an_error(shop):
    """With close names, and nothing on standard output."""
    said = shop.run("cite", "oka", "elm")

    assert (said.code, said.out) == (2, "")
    assert "did you mean 'oak'" in said.err
    assert "did you mean 'tensorflow'" in shop.run("cite", "tensorflw").err


def test_a_name_that_several_plugins_have_is_an_error(shop):
    """With the canonical names, of which each can be cited."""
    source = RECORDS.replace("Ash", "Axe")
    groups = {"kerasplug": {"trees": "trees_hooks"}}
    install(shop.site, "trees", groups, modules={"trees_hooks.py": source})

    said = shop.run("cite", "elm")

    assert (said.code, said.out) == (2, "")
    assert "trees/elm, woods/elm" in said.err
    assert [*read(shop.run("cite", "trees/elm").out)] == ["axe2021trees"]


# --- for programs ---


def test_programs_get_json(shop):
    """Keys, the things of each, and those without."""
    said = shop.run("cite", "--json", "oak", "elm", "silent", "keras")

    keras, paper = said.data["entries"]
    assert keras["things"] == ["keras"]
    assert (paper["key"], paper["things"]) == (
        "ash2021trees",
        ["woods/oak", "woods/elm"],
    )
    assert paper["bibtex"].startswith("@inproceedings{ash2021trees,")
    assert said.data["without"] == [
        {"kind": "application", "name": "woods/silent"},
        {"kind": "dataset", "name": "woods/silent"},
    ]


def test_citing_imports_no_keras(shop):
    """As no command does, and it asks only for what is installed."""
    code = (
        "import sys; from kerasplug.cli import main; main(sys.argv[1:]); "
        f"print(*sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)"
    )
    for names in ((), ("oak", "shared", "keras", "jax")):
        done = subprocess.run(
            [sys.executable, "-c", code, "cite", *names],
            env=shop.environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr.strip() == ""


# --- our own plugins ---


@pytest.mark.parametrize(
    ("plugin", "count"),
    [
        ("kerasplug-applications", 15),
        ("kerasplug-datasets", 10),
        ("downstream-pkg", 1),
    ],
)
def test_our_own_plugins_can_be_cited(plugin, count, tmp_path):
    """Each application and data set says by whom it is, in a form that is known."""
    found = read(Shop(tmp_path).run("cite", plugin).out)

    assert len(found) == count
    for key, entry in found.items():
        assert entry.people
        assert 1900 < int(entry.fields["year"]) < 2100
        assert len(entry.fields["title"]) > 5
        where = {"eprint", "doi", "booktitle", "journal", "institution", "howpublished"}
        assert where & set(entry.fields) or key == "lewis1997reuters"


def test_the_page_shows_what_is_printed(tmp_path):
    """The example of the documentation is the answer, and its lines can be read."""
    page = (ROOT / "docs/commands.md").read_text("utf-8")
    section = page.partition("\n## kerasplug cite\n")[2].partition("\n## ")[0]
    shown, lines = (part.split("```")[0] for part in section.split("```text\n")[1:])
    command, _, answer = shown.partition("\n")

    assert command == "$ kerasplug cite vgg16 vgg19"
    assert Shop(tmp_path).run("cite", "vgg16", "vgg19").out == answer
    kinds = [entries_of(line, "x")[0].kind for line in lines.splitlines()]
    assert kinds == ["inproceedings", "article"]
