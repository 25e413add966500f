"""What is wrong in Keras 3.15.1 itself, so that a check rightly fails."""

__all__ = ["EXPECTED"]

#: By backend and row of the table: by check what exactly is wrong.
EXPECTED: dict[str, dict[str, dict[str, str]]] = {"tensorflow": {}, "jax": {}}
