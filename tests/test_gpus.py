"""Why a GPU is not seen: recorded machines explained, and this one gathered.

The recordings have the words that drivers and engines print, with plausible values.
"""

import json
import sys
from pathlib import Path

import pytest
from bare import bare, put

from kerasplug.engines import gpus, gpus_evidence
from kerasplug.engines.gpus import Evidence, gather, look

RECORDED = sorted((Path(__file__).parent / "recorded_gpus").glob("*.json"))


def evidence_of(path):
    """The evidence of a recording, and the findings that it has to lead to."""
    told = json.loads(path.read_text("utf-8"))
    plain = told["evidence"]
    for key in ("said", "smi"):
        plain[key] = "\n".join(plain.get(key, []))
    for key in ("boards", "nodes", "denied", "devices"):
        if key in plain:
            plain[key] = tuple(plain[key])
    return Evidence(**plain), told["findings"]


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_machine_is_explained(path):
    """Each recording leads to its findings and to no other, each with its mend."""
    evidence, expected = evidence_of(path)

    found = look(evidence)

    assert [one[:2] for one in found] == [
        (level, about) for level, about, *_ in expected
    ]
    for one, (_, _, what, mend) in zip(found, expected, strict=True):
        assert what in one.what
        assert mend in one.mend
        assert bool(one.mend) == (one.level != "ok")
        assert "{" not in one.what + one.mend


def test_every_saying_of_the_engines_is_understood_alone():
    """Each text that engines are known to print leads to one finding with its mend."""
    texts = {
        "CUDA driver version is insufficient for CUDA runtime version": "too old",
        "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE": "can't run on this GPU",
        "kernel driver does not appear to be running on this host": "no driver",
        "Could not load dynamic library 'libcuda.so.1'; dlerror": "libcuda.so.1",
        "CUDA_ERROR_NO_DEVICE": "CUDA finds no device",
        "CUDA initialization: CUDA unknown error - this may be": "unknown error",
        "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH": "two versions",
        "Torch not compiled with CUDA enabled": "built without CUDA",
        "CUDA capability sm_120 is not compatible with the current": "sm_120",
        "Unable to load cuSPARSE. Is it installed?": "can't load cuSPARSE",
    }
    for text, what in texts.items():
        told = Evidence("torch", driver="loaded", devices=("cpu:0",), said=text)
        (found,) = look(told)
        assert what in found.what, text
        assert found.mend, text


def test_an_engine_that_nobody_knows_gets_a_note():
    """Of an engine whose words are not known nothing is guessed."""
    (found,) = look(Evidence("toy", nodes=("/dev/nvidia0",), devices=("cpu:0",)))

    assert (found.level, found.about) == ("note", "GPU")


@pytest.mark.engine
@pytest.mark.parametrize("engine", ["tensorflow", "jax"])
def test_this_machine_is_gathered_with_what_the_engine_says(engine):
    """A real engine, started elsewhere, lists its processor, and its words are kept."""
    evidence = gather(engine, probe=True)

    assert evidence.system == sys.platform
    assert "cpu:0" in evidence.devices
    assert evidence.error == ""
    assert evidence.said
    assert set(evidence.build) <= {"cuda", "rocm"}
    assert look(evidence)


def test_without_probe_no_engine_is_started(tmp_path):
    """Without `probe` the devices are unknown, and no engine is in `sys.modules`."""
    code = """
        import sys
        from kerasplug.engines.gpus import gather, look
        evidence = gather("jax")
        print(evidence.devices, evidence.said == "", len(look(evidence)) > 0)
        print(sorted({"jax", "keras", "numpy", "tensorflow"} & set(sys.modules)))
    """
    assert bare(code, tmp_path).stdout.splitlines() == ["None True True", "[]"]


@pytest.mark.parametrize(
    ("engine", "distribution", "version", "cuda"),
    [
        ("jax", "jax_cuda12_plugin", "0.10.2", "12"),
        ("jax", "jax", "0.10.2", ""),
        ("torch", "torch", "2.9.0+cpu", ""),
        ("torch", "torch", "2.9.0+cu128", None),
        ("tensorflow", "tensorflow_cpu", "2.21.0", ""),
        ("tensorflow", "tensorflow", "2.21.0", None),
    ],
)
def test_metadata_tell_for_what_an_engine_was_built(
    tmp_path, engine, distribution, version, cuda
):
    """What a build is for is read off the installed distributions; else not known."""
    put(tmp_path, distribution, version=version)
    code = f"""
        from kerasplug.engines.gpus import gather
        print(repr(gather({engine!r}).build.get("cuda")))
    """
    assert bare(code, tmp_path, tmp_path).stdout.strip() == repr(cuda)


def test_a_program_that_answers_is_heard(tmp_path, monkeypatch):
    """What `nvidia-smi` prints, also as an error, is part of the evidence."""
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho out; echo err >&2; exit 9\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    assert gpus_evidence._smi() == "out\nerr"

    program.write_text("no program")
    assert gpus_evidence._smi().startswith("nvidia-smi: ")


def test_there_is_no_engine_whose_words_are_not_recorded():
    """Each engine whose words are known has recordings."""
    assert {evidence_of(path)[0].engine for path in RECORDED} == set(gpus.ENGINES)
