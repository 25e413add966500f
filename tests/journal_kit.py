"""Journals of runs, written by hand."""

import hashlib
import json

import numpy as np

from kerasplug.reproducing.comparing import compared


class Journal:
    """Writes what a run writes, by hand."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True)
        (folder / "journal.jsonl").touch()
        (folder / "arrays.bin").touch()

    def add(self, kind, name, step, value=(), *, keep=True, **more):
        """Write an event; the digest and the place of its array come by themselves."""
        array = np.asarray(value, more.pop("as_type", "float32"))
        data = array.tobytes()
        with (self.folder / "arrays.bin").open("ab") as file:
            at = file.tell()
            file.write(data if keep else b"")
        line = {
            "kind": kind,
            "name": name,
            "step": step,
            "occurrence": 0,
            "digest": hashlib.sha256(data).hexdigest(),
            "dtype": str(array.dtype),
            "shape": list(array.shape),
            "at": at if keep else None,
            "size": len(data),
            "threads": [],
            "python": "p",
            "numpy": "n",
            **more,
        }
        with (self.folder / "journal.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        return self


def a_pair(folder):
    """Two journals that are alike so far."""
    journals = Journal(folder / "1"), Journal(folder / "2")
    for one in journals:
        one.add("initial weight", "mlp/kernel", 0, [[1.0, 2.0], [3.0, 4.0]])
        one.add("input batch", "x", 1, [[0.5, 0.25]])
    return journals


def found_in(*journals):
    """Where these journals part."""
    numbers = list(range(1, len(journals) + 1))
    return compared([one.folder for one in journals], numbers)
