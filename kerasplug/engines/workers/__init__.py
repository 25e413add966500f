"""Engines in processes of their own: a model of this Keras runs on another one there.

Their public names are those of `kerasplug` itself.
"""
