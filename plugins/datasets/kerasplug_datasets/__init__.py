"""Data sets for kerasplug. Importing this package loads no data and no NumPy."""

__version__ = "0.1.0"
