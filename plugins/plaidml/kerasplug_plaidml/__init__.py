"""PlaidML for kerasplug. Importing this package loads no Keras and no NumPy."""

__version__ = "0.1.0"
