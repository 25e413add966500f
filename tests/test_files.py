"""Files appear whole or not at all, in folders that are ours."""

import os
import signal
import stat
import subprocess
import sys
import textwrap
import time

import pytest

from kerasplug.files import (
    belongs_to_us,
    make_own_folder,
    newest_first,
    replacing,
    write_atomically,
)


def test_new_content_takes_the_old_ones_place(tmp_path):
    """The file holds the new bytes, is private, and nothing else is left."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    write_atomically(str(path), b"new")

    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path):
    """What can't be put in place is taken away again."""
    target = tmp_path / "folder"
    target.mkdir()
    (target / "inside").write_text("x")

    with pytest.raises(OSError, match="folder"):
        write_atomically(str(target), b"new")

    assert os.listdir(tmp_path) == ["folder"]


def test_replacing_keeps_the_suffix_and_cleans_up_after_an_error(tmp_path):
    """The temporary path looks like the file, and an error leaves the old one."""
    path = tmp_path / "model.keras"
    path.write_text("old")

    with pytest.raises(ZeroDivisionError), replacing(path) as temporary:
        assert temporary.endswith(".keras")
        with open(temporary, "w") as file:
            file.write("half")
        1 / 0  # noqa: B018 -- the error is the point

    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["model.keras"]


def test_a_killed_writer_leaves_the_old_file(tmp_path):
    """`kill -9` between writing and renaming does no harm to what was there."""
    path = tmp_path / "model.h5"
    path.write_text("old")
    code = f"""
        import sys, time
        from kerasplug.files import replacing
        with replacing({str(path)!r}) as temporary:
            open(temporary, "w").write("half")
            print("ready", flush=True)
            time.sleep(60)
    """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE
    )
    assert child.stdout.readline() == b"ready\n"

    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()

    assert path.read_text() == "old"


def test_a_folder_that_others_may_write_is_not_ours(tmp_path):
    """Only the owner may be able to write."""
    folder = tmp_path / "cache"
    assert make_own_folder(str(folder))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    folder.chmod(0o777)
    assert not make_own_folder(str(folder))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_not_ours(tmp_path):
    """Ownership counts, whatever the permissions."""
    os.chown(tmp_path, 12345, 12345)

    assert not belongs_to_us(tmp_path.stat())


def test_a_link_to_a_folder_is_not_a_folder_of_ours(tmp_path):
    """A link placed by somebody could lead anywhere."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")

    assert not make_own_folder(str(tmp_path / "link"))


def test_a_file_in_the_way_is_no_folder(tmp_path):
    """Nothing raises: a cache that can't be had is done without."""
    (tmp_path / "file").write_text("x")

    assert not make_own_folder(str(tmp_path / "file" / "cache"))


def test_newest_first_sorts_by_time(tmp_path):
    """The most recently written file comes first."""
    for age, name in enumerate(["new", "middle", "old"]):
        (tmp_path / name).write_text(name)
        then = time.time() - 100 * age
        os.utime(tmp_path / name, (then, then))

    names = [os.path.basename(path) for path in newest_first(str(tmp_path))]
    assert names == ["new", "middle", "old"]
