"""What this distribution tells kerasplug: plain records, no NumPy."""

from kerasplug import DatasetRecord, hookimpl

#: 1797 images; see `kerasplug_datasets.digits` for the split.
DIGITS = DatasetRecord(
    name="digits",
    target="kerasplug_datasets.digits:load",
    summary="1797 handwritten digits, 8x8 pixels of 0..16, embedded (UCI, 1998)",
    shapes=((1442, 8, 8), (1442,), (355, 8, 8), (355,)),
    dtypes=("uint8", "uint8", "uint8", "uint8"),
    classes=10,
    licence=(
        "CC-BY-4.0 (UCI Machine Learning Repository); "
        "the copy was taken from scikit-learn, BSD-3-Clause"
    ),
    citation=(
        "E. Alpaydin and C. Kaynak (1998). Optical Recognition of Handwritten "
        "Digits [Dataset]. UCI Machine Learning Repository. "
        "https://doi.org/10.24432/C50P49"
    ),
    homepage=(
        "https://archive.ics.uci.edu/dataset/80/"
        "optical+recognition+of+handwritten+digits"
    ),
)


@hookimpl
def kerasplug_datasets() -> list[DatasetRecord]:
    """Records of the data sets in this distribution.

    Returns:
        One record for each data set.
    """
    return [DIGITS]
