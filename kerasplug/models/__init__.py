"""Models as they are in memory: freezing, surgery, looking inside, states of RNNs.

This front is light: each name is loaded when it is used.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kerasplug.models.compiling import StaleCompile as StaleCompile
    from kerasplug.models.compiling import stale_compile as stale_compile
    from kerasplug.models.compiling import watch_compile as watch_compile
    from kerasplug.models.freezing import freeze_weights as freeze_weights
    from kerasplug.models.freezing import frozen as frozen
    from kerasplug.models.freezing import unfreeze_weights as unfreeze_weights
    from kerasplug.models.looking import layer_outputs as layer_outputs
    from kerasplug.models.looking import truncate_model as truncate_model
    from kerasplug.models.popping import pop_layer as pop_layer
    from kerasplug.models.predicting import predict_classes as predict_classes
    from kerasplug.models.predicting import predict_proba as predict_proba
    from kerasplug.models.recompiling import recompile as recompile
    from kerasplug.models.snapshots import snapshot_compile as snapshot_compile
    from kerasplug.models.state_carrying import carry_states as carry_states
    from kerasplug.models.state_checking import check_stateful as check_stateful
    from kerasplug.models.state_resetting import ResetStates as ResetStates
    from kerasplug.models.states import get_states as get_states
    from kerasplug.models.states import reset_states as reset_states
    from kerasplug.models.states import set_states as set_states
    from kerasplug.models.trainable_table import TrainableRow as TrainableRow
    from kerasplug.models.trainable_table import TrainableSummary as TrainableSummary
    from kerasplug.models.trainable_table import trainable_summary as trainable_summary

_HOME = {
    "ResetStates": "state_resetting",
    "StaleCompile": "compiling",
    "TrainableRow": "trainable_table",
    "TrainableSummary": "trainable_table",
    "carry_states": "state_carrying",
    "check_stateful": "state_checking",
    "freeze_weights": "freezing",
    "frozen": "freezing",
    "get_states": "states",
    "layer_outputs": "looking",
    "pop_layer": "popping",
    "predict_classes": "predicting",
    "predict_proba": "predicting",
    "recompile": "recompiling",
    "reset_states": "states",
    "set_states": "states",
    "snapshot_compile": "snapshots",
    "stale_compile": "compiling",
    "trainable_summary": "trainable_table",
    "truncate_model": "looking",
    "unfreeze_weights": "freezing",
    "watch_compile": "compiling",
}

__all__ = [*_HOME]  # noqa: PLE0604 -- strings, and the test of the list proves it


def __getattr__(name: str) -> object:
    if name not in _HOME:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    module = __import__(f"{__name__}.{_HOME[name]}", None, None, (name,))
    return getattr(module, name)
