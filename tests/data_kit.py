"""What the tests of data sets share: plugins with data sets, made by hand."""

import pytest
from fakes import install

import kerasplug

#: A hook module with data sets of every kind of target.
HOOKS = """
    from kerasplug import DatasetRecord, hookimpl

    SHAPES = ((40, 3), (40,), (10, 3), (10,))
    DTYPES = ("float32", "int64", "float32", "int64")

    @hookimpl
    def kerasplug_datasets():
        common = {"shapes": SHAPES, "dtypes": DTYPES, "classes": 4}
        hot = ((40, 3), (40, 4), (10, 3), (10, 4))
        columns = {"shapes": hot, "dtypes": ("float32",) * 4, "classes": 4}
        texts = {"shapes": ((12, None), (12,), (4, None), (4,)), "dtypes": DTYPES}
        return [
            DatasetRecord(name="plain", target="home_data:plain", **common),
            DatasetRecord(name="whole", target="home_data:WHOLE", **common),
            DatasetRecord(name="texts", target="home_data:texts", **texts),
            DatasetRecord(name="words", target="home_data:words"),
            DatasetRecord(name="bad", target="home_data:bad"),
            DatasetRecord(name="uneven", target="home_data:uneven"),
            DatasetRecord(name="seeded", target="home_data:seeded"),
            DatasetRecord(name="strict", target="home_data:STRICT", **common),
            DatasetRecord(name="columns", target="home_data:plain", **columns),
            DatasetRecord(
                name="warned", target="home_data:plain", warning="Beware.", **common
            ),
        ]
"""
DATA = """
    import numpy as np
    from kerasplug import DatasetSource

    def halves(train, test):
        return tuple(
            (np.arange(n * 3, dtype="float32").reshape(n, 3), np.arange(n) % 4)
            for n in (train, test)
        )

    def plain(scale=1.0, *, shift=0):
        if scale == 13:
            raise TypeError("from inside")
        (x, y), (x_test, y_test) = halves(40, 10)
        return (x * scale + shift, y), (x_test * scale + shift, y_test)

    def stream(split="train", batch_size=32, scale=1.0, shift=0):
        x, y = plain(scale, shift=shift)[split == "test"]
        for start in range(0, len(x), batch_size):
            yield x[start : start + batch_size], y[start : start + batch_size]

    def synthetic(rows=None, scale=1.0, shift=0):
        n = rows or 40
        return tuple(
            (np.full((m, 3), scale, "float32"), np.zeros(m, int))
            for m in (n, max(1, n // 4))
        )

    WHOLE = DatasetSource(load=plain, stream=stream, synthetic=synthetic)

    def texts():
        lists = [list(range(1, n + 2)) for n in range(12)]
        x = np.empty(12, object)
        x[:] = lists
        return (x, np.arange(12)), (x[:4], np.arange(4))

    def words():
        test = (np.array(["drei"]), np.array([0]))
        return (np.array(["ein", "zwei"]), np.array([0, 1])), test

    def bad():
        return np.zeros(3)

    def seeded(seed=113):
        return tuple((np.zeros(n), np.full(n, seed)) for n in (20, 5))

    def strict(folder, scale=1.0):
        return plain(scale)

    def crooked(split, batch_size):
        yield np.zeros(3), np.zeros(2)

    STRICT = DatasetSource(load=strict, stream=crooked)

    def uneven():
        return (np.zeros(3), np.zeros(2)), (np.zeros(1), np.zeros(1))
"""


@pytest.fixture
def shop(site):
    """The data sets of a plugin in a folder of its own."""
    modules = {"home_hooks.py": HOOKS, "home_data.py": DATA}
    install(site, "home", {"kerasplug": {"home": "home_hooks"}}, modules=modules)
    return kerasplug.datasets
