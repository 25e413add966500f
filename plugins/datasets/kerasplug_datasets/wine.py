"""The UCI wines: 178 wines of three grapes, 13 measurements each, inside this package.

Origin: S. Aeberhard and M. Forina (1992), Wine, UCI Machine Learning Repository,
https://doi.org/10.24432/C5PC7J, licence CC BY 4.0; in the order and with the values of
scikit-learn's copy (BSD-3-Clause), from which `make_tables.py` took them. UCI numbers
the grapes 1, 2, 3; their names are those of M. Forina, C. Armanino, M. Castino and
M. Ubigli (1986), Multivariate data analysis as a discriminating method of the origin
of wines, Vitis 25, 189-201.
"""

import io
from typing import Any, Final

import numpy as np

from kerasplug.data import DatasetSource, Split, Splits
from kerasplug_datasets.checking import rows_of_halves
from kerasplug_datasets.embedded import divided, read, streaming

__all__ = ["CLASSES", "COLUMNS", "SHA256", "SOURCE", "load", "stream", "synthetic"]

#: Label -> grape.
CLASSES: Final = ("Barolo", "Grignolino", "Barbera")

#: What each column measures; UCI states no units.
COLUMNS: Final = (
    "alcohol",
    "malic_acid",
    "ash",
    "alcalinity_of_ash",
    "magnesium",
    "total_phenols",
    "flavanoids",
    "nonflavanoid_phenols",
    "proanthocyanins",
    "color_intensity",
    "hue",
    "od280_od315_of_diluted_wines",
    "proline",
)

#: Of the file `wine.npz`; it is checked each time the data are loaded.
SHA256 = "db3066a7e7ad5ca8a4cae83345637c7f6ddf3ac6a11b46ba5b3e2e5d77c2ef6f"

_REAL: Final = (144, 34)
_SEED: Final = 20261124
#: Of each column: mean, spread, least and most.
_KNOWN: Final = (
    (13.0, 0.81, 11.03, 14.83),
    (2.34, 1.11, 0.74, 5.8),
    (2.37, 0.27, 1.36, 3.23),
    (19.5, 3.33, 10.6, 30.0),
    (99.7, 14.2, 70.0, 162.0),
    (2.3, 0.62, 0.98, 3.88),
    (2.03, 1.0, 0.34, 5.08),
    (0.36, 0.12, 0.13, 0.66),
    (1.59, 0.57, 0.41, 3.58),
    (5.06, 2.31, 1.28, 13.0),
    (0.96, 0.23, 0.48, 1.71),
    (2.61, 0.71, 1.27, 4.0),
    (747.0, 314.0, 278.0, 1680.0),
)
#: How many of all wines are of each grape.
_SHARES: Final = (59 / 178, 71 / 178, 48 / 178)


def load() -> Splits:
    """The wines as `((x_train, y_train), (x_test, y_test))`.

    The split uses no random numbers, so it is the same everywhere and for ever: of
    the wines of one grape, in file order, the 5th, 10th, 15th, ... are for testing.
    The columns differ in size by a thousand: scale them by the training half before
    a model sees them.

    Returns:
        `x_train` of shape `(144, 13)`, `y_train` `(144,)`, `x_test` `(34, 13)` and
        `y_test` `(34,)`, the caller's own. `x` is float64, its columns are named in
        `COLUMNS`; `y` (uint8) holds labels, whose grapes are in `CLASSES`.

    Raises:
        PluginError: the embedded file is damaged: its sha256 is not `SHA256`.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load()
        >>> dict(zip(COLUMNS[:3], x_test[0].tolist()))
        {'alcohol': 13.24, 'malic_acid': 2.59, 'ash': 2.87}
    """
    with np.load(io.BytesIO(read("wine.npz", SHA256)), allow_pickle=False) as arrays:
        return divided(arrays["table"], arrays["labels"])


stream: Final = streaming(load)


def synthetic(rows: "int | None" = None) -> Splits:
    """A stand-in with the same columns, each in its range, made up and always the same.

    Args:
        rows: of the training half; None: 144.

    Raises:
        DatasetError: `rows` is no whole number from 1.

    Example:
        >>> synthetic(20).test.x.shape
        (5, 13)
    """
    counts = rows_of_halves(rows, _REAL)
    rng = np.random.default_rng(_SEED)
    places = rng.standard_normal((len(CLASSES), len(COLUMNS)))
    return Splits(*(_half(rng, places - places.mean(axis=0), n) for n in counts))


def _half(rng: np.random.Generator, places: Any, count: int) -> Split:
    """So many wines, each grape at its place among the others."""
    labels = rng.permuted(_in_shares(count))
    means, spreads, least, most = np.asarray(_KNOWN).T
    # The grapes make half of the spread, and chance the other half.
    plain = np.sqrt(0.5) * (places[labels] + rng.standard_normal((count, len(means))))
    return Split((means + spreads * plain).clip(least, most), labels)


def _in_shares(count: int) -> Any:
    """Labels in the real shares, ordered."""
    edges = np.cumsum(_SHARES)[:-1]
    return np.searchsorted(edges, (np.arange(count) + 0.5) / count).astype(np.uint8)


SOURCE = DatasetSource(load=load, stream=stream, synthetic=synthetic)
