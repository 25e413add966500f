"""A Keras backend in a package of its own: Keras' NumPy backend, each call counted.

Importing this package imports nothing: Keras asks for `keras_toy.src` only where it is
to compute with it. An author of a backend keeps the version and removes the rest.
"""

__version__ = "0.1.0"
__all__ = ["__version__", "calls", "reset_calls"]


def calls() -> dict[str, int]:
    """How often Keras called each function of this backend since the last reset.

    Returns:
        Name -> number of calls, >= 1, sorted by name, such as `{"numpy.add": 12}`. What
        one function of the NumPy backend calls of another is not in it.

    Example:
        >>> reset_calls()
        >>> calls()
        {}
    """
    from _toy_backend_counts import calls

    return calls()


def reset_calls() -> None:
    """Begin anew: `calls()` is empty."""
    from _toy_backend_counts import reset_calls

    reset_calls()
