"""`kerasplug compare`: what it prints, and how it ends."""

import numpy as np
import pytest
from cli_kit import Shop
from compare_kit import an_input, healthy, install_moody, moody, moody_site, written


@pytest.fixture
def one(tmp_path):
    """A model with one input of three numbers."""
    return written(tmp_path / "one.keras", an_input("x", 3), structure="single")


@pytest.fixture
def shop(tmp_path):
    """A folder of plugins with the moody one."""
    made = Shop(tmp_path / "shop")
    install_moody(made.site)
    return made


@pytest.mark.engine
def test_the_command_shows_a_table(keras, shop, tmp_path):
    """The command shows each backend's times and differences, and ends with 0."""
    own = healthy(keras, tmp_path / "healthy.keras")
    words = np.arange(40).reshape(10, 4) % 6
    np.savez(tmp_path / "x.npz", numbers=np.ones((10, 3)), words=words)
    said = shop.run(
        "compare", own, "--backends=jax,numpy", "--input", tmp_path / "x.npz"
    )

    assert said.code == 0, said.err
    lines = said.out.splitlines()
    assert lines[0] == f"{own}: 10 samples, 32 a batch"
    assert lines[2].split()[:2] == ["jax", "ok"]
    assert "Differences from jax" in lines
    assert sum("  ok  " in line for line in lines) == 5
    assert lines[-1] == "All agree within 0.0001."


@pytest.mark.engine
def test_the_command_tells_a_program_and_draws(keras, shop, tmp_path):
    """With --json one document is all of the output, and 1 says that they differ."""
    with moody_site(tmp_path / "site"):
        path = moody(keras, tmp_path / "shifting.keras", "shifts", "dies")
    np.save(tmp_path / "x.npy", np.ones((2, 3)))
    said = shop.run(
        "compare",
        path,
        "--backends=jax,tensorflow,numpy",
        f"--input=x={tmp_path / 'x.npy'}",
        "--reference=tensorflow",
        "--repeats=1",
        "--json",
        f"--plot={tmp_path / 'p.png'}",
    )

    assert said.code == 1, said.err
    assert said.data["ok"] is False
    assert said.data["reference"] == "tensorflow"
    states = {name: one["state"] for name, one in said.data["backends"].items()}
    assert states == {"jax": "ok", "tensorflow": "ok", "numpy": "failed"}
    assert {one["output"]: one["ok"] for one in said.data["differences"]} == {
        "shifts": False,
        "dies": True,
    }
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "arguments",
    [
        ["none.keras", "--backends=jax,numpy"],
        ["MODEL"],
        ["MODEL", "--backends=jax"],
        ["MODEL", "--backends=jax,jax"],
        ["MODEL", "--backends=jax,,numpy"],
        ["MODEL", "--backends=jax,jacks"],
        ["MODEL", "--backends=jax,numpy", "--input=none.npy"],
        ["MODEL", "--backends=jax,numpy", "--input=x=none.npy"],
        ["MODEL", "--backends=jax,numpy", "--repeats=0"],
        ["MODEL", "--backends=jax,numpy", "--batch-size=x"],
        ["MODEL", "--backends=jax,numpy", "--seed=-1"],
        ["MODEL", "--backends=jax,numpy", "--tolerance=-1"],
        ["MODEL", "--backends=jax,numpy", "--tolerance=nan"],
        ["MODEL", "--backends=jax,numpy", "--timeout=0"],
    ],
    ids=" ".join,
)
def test_a_wrong_argument_of_the_command_ends_with_2(shop, one, arguments):
    """A wrong argument, an unknown backend and a missing file end with exit code 2."""
    given = [str(one) if word == "MODEL" else word for word in arguments]
    said = shop.run("compare", *given)

    assert said.code == 2
    assert said.out == ""
    assert "there is no command" not in said.err


def test_the_command_refuses_what_it_can_not_do(shop, one, tmp_path):
    """A picture of no format, inputs half with names, a missing backend end with 1."""
    np.save(tmp_path / "x.npy", np.ones((2, 3)))
    both = ["compare", one, "--backends=jax,numpy"]
    file = tmp_path / "x.npy"

    assert "`path`" in shop.run(*both, "--plot=a.gif").err
    mixed = shop.run(*both, "--input", file, "--input", f"x={file}")
    assert (mixed.code, "name of its own" in mixed.err) == (1, True)
    lost = shop.run("compare", one, "--backends=jax,torch")
    assert (lost.code, "torch" in lost.err) == (1, True)
