"""Running a model on one backend in a process of its own, however that ends."""

from pathlib import Path
from typing import Any, Final, NamedTuple

from kerasplug.engines.apart import ask_apart
from kerasplug.engines.comparing_inputs import Inputs
from kerasplug.engines.comparing_result import BackendRun, Timing

__all__ = ["Job", "run_on", "write_inputs"]

#: What each process has, whatever this one's environment says.
_FIXED: Final = {"KERASPLUG_IMPLEMENTATION": "keras"}


class Job(NamedTuple):
    """What every backend is asked.

    Attributes:
        model: path of the model's file, absolute.
        inputs: what goes in.
        folder: where the processes keep their files.
        repeats: how many batches are timed.
        seed: for random layers.
        timeout: seconds that one backend may take.
    """

    model: str
    inputs: Inputs
    folder: Path
    repeats: int
    seed: int
    timeout: float


def write_inputs(job: Job) -> None:
    """Put the arrays where the processes find them."""
    import numpy as np

    np.savez(job.folder / "inputs.npz", *job.inputs.arrays)


def run_on(backend: str, job: Job) -> BackendRun:
    """What a backend does with the model, in a new process.

    Args:
        backend: its name.
        job: what it is asked; `write_inputs` has been called.

    Raises:
        KeyboardInterrupt: somebody pressed Ctrl-C; the process is ended.
        KerasplugError: no process can be started.
    """
    folder = job.folder / backend.replace("/", "-")
    folder.mkdir()
    ending = ask_apart(
        "kerasplug.engines.comparing_child",
        _request(backend, job, folder),
        folder,
        timeout=job.timeout,
        environment={**_FIXED, "KERAS_BACKEND": backend.rpartition("/")[2]},
        command="kerasplug compare",
    )
    if ending.answer is None:
        return BackendRun(backend, "failed", ending.how)
    return _told(backend, ending.answer, folder)


def _request(backend: str, job: Job, folder: Path) -> dict[str, Any]:
    return {
        "backend": backend,
        "model": job.model,
        "inputs": str(job.folder / "inputs.npz"),
        "structure": job.inputs.structure,
        "names": job.inputs.names,
        "batch_size": job.inputs.batch_size,
        "repeats": job.repeats,
        "seed": job.seed,
        "answer": str(folder / "answer.json"),
        "outputs": str(folder / "outputs.npz"),
    }


def _told(backend: str, answer: dict[str, Any], folder: Path) -> BackendRun:
    """The answer of a process that came to its end."""
    if answer["state"] != "ok":
        error = answer["error"]
        return BackendRun(backend, "failed", error, versions=answer["versions"])
    import numpy as np

    from kerasplug.engines.comparing_numbers import quartiles

    with np.load(folder / "outputs.npz", allow_pickle=False) as file:
        arrays = [file[f"arr_{number}"] for number in range(len(file.files))]
    seconds = answer["seconds"]
    timing = Timing(
        answer["start"],
        answer["load"],
        answer["first"],
        *quartiles(seconds),
        repeats=len(seconds),
    )
    return BackendRun(
        backend,
        "ok",
        outputs=dict(zip(answer["names"], arrays, strict=True)),
        dtypes=answer["dtypes"],
        timing=timing,
        versions=answer["versions"],
    )
