"""The files of the data sets that are downloaded: addresses and hashes, no NumPy.

The names are those under which Keras keeps them below `~/.keras/datasets`, so that one
cache serves both. Source of addresses and hashes: `keras/src/datasets` of Keras 3.15.1.
"""

from typing import Final

from kerasplug import RemoteFile

__all__ = [
    "BOSTON_HOUSING",
    "CALIFORNIA_HOUSING",
    "CIFAR10",
    "CIFAR100",
    "FASHION_MNIST",
    "FASHION_MNIST_ORIGIN",
    "IMDB",
    "IMDB_WORD_INDEX",
    "MNIST",
    "REUTERS",
    "REUTERS_WORD_INDEX",
]

_KERAS: Final = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_CIFAR: Final = "https://www.cs.toronto.edu/~kriz/"


def _of_keras(name: str, sha256: str) -> RemoteFile:
    return RemoteFile(name=name, url=_KERAS + name, sha256=sha256)


MNIST: Final = _of_keras(
    "mnist.npz", "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
)
IMDB: Final = _of_keras(
    "imdb.npz", "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
)
REUTERS: Final = _of_keras(
    "reuters.npz", "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
)
BOSTON_HOUSING: Final = _of_keras(
    "boston_housing.npz",
    "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",
)
CALIFORNIA_HOUSING: Final = _of_keras(
    "california_housing.npz",
    "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",
)
#: Keras unpacks it into a folder beside it, named without "_archive".
CIFAR10: Final = RemoteFile(
    name="cifar-10-batches-py-target_archive",
    url=_CIFAR + "cifar-10-python.tar.gz",
    sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
)
CIFAR100: Final = RemoteFile(
    name="cifar-100-python-target_archive",
    url=_CIFAR + "cifar-100-python.tar.gz",
    sha256="85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
)

#: Name, address and MD5: Keras publishes no SHA-256 of the word indexes.
IMDB_WORD_INDEX: Final = (
    "imdb_word_index.json",
    _KERAS + "imdb_word_index.json",
    "bfafd718b763782e994055a2d397834f",
)
REUTERS_WORD_INDEX: Final = (
    "reuters_word_index.json",
    _KERAS + "reuters_word_index.json",
    "4d44cc38712099c9e383dc6e5f11a921",
)
#: Nobody publishes hashes of these: what is in them is checked when they are read.
FASHION_MNIST: Final = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
FASHION_MNIST_ORIGIN: Final = _KERAS
