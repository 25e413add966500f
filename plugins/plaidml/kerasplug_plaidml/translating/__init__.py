"""A model of Keras 3 in the words of Keras 2.2.4, as PlaidML computes it.

What would mean something else there is refused by name; nothing is left out silently.
"""
