"""Whole models in files: what they need, loading and saving them."""

from kerasplug.saving.inspection import Mention, ModelInspection, inspect_model
from kerasplug.saving.loading import load_model
from kerasplug.saving.writing import save_model

__all__ = ["Mention", "ModelInspection", "inspect_model", "load_model", "save_model"]
