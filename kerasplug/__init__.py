"""kerasplug: the plugin toolkit for packages that extend Keras.

Every public name is loaded on its first use, so `import kerasplug` costs next
to nothing and imports nothing but itself: no Keras, no NumPy, no third party.

pytest rewrites the asserts of its plugins' packages, and warns where one was imported
before it came. This one has none: PYTEST_DONT_REWRITE.
"""

import sys

TYPE_CHECKING = False  # type checkers know this name; `typing` itself is dear
if TYPE_CHECKING:
    from kerasplug.catalog import applications as applications
    from kerasplug.catalog import backends as backends
    from kerasplug.catalog import callbacks as callbacks
    from kerasplug.catalog import datasets as datasets
    from kerasplug.catalog import layers as layers
    from kerasplug.catalog import objects as objects
    from kerasplug.config import keras_home as keras_home
    from kerasplug.config import read_config as read_config
    from kerasplug.config import write_config as write_config
    from kerasplug.create_layer import create_layer as create_layer
    from kerasplug.create_layer import create_layer_wrapper as create_layer_wrapper
    from kerasplug.create_layer import pipe as pipe
    from kerasplug.data import DatasetSource as DatasetSource
    from kerasplug.data import Split as Split
    from kerasplug.data import Splits as Splits
    from kerasplug.devices import Placements as Placements
    from kerasplug.devices import available_devices as available_devices
    from kerasplug.devices import device_scope as device_scope
    from kerasplug.devices import multi_gpu_model as multi_gpu_model
    from kerasplug.devices import place as place
    from kerasplug.devices import placements as placements
    from kerasplug.devices import split_sizes as split_sizes
    from kerasplug.devices import virtual_devices as virtual_devices
    from kerasplug.engines import Carried as Carried
    from kerasplug.engines import Comparison as Comparison
    from kerasplug.engines import Devices as Devices
    from kerasplug.engines import RemoteModel as RemoteModel
    from kerasplug.engines import TranslatedLayer as TranslatedLayer
    from kerasplug.engines import Translation as Translation
    from kerasplug.engines import WorkerEngine as WorkerEngine
    from kerasplug.engines import compare_backends as compare_backends
    from kerasplug.engines import to_backend as to_backend
    from kerasplug.engines import use_backend as use_backend
    from kerasplug.engines import use_condaenv as use_condaenv
    from kerasplug.engines import use_virtualenv as use_virtualenv
    from kerasplug.errors import AmbiguousNameError as AmbiguousNameError
    from kerasplug.errors import ApplicationError as ApplicationError
    from kerasplug.errors import DatasetError as DatasetError
    from kerasplug.errors import DeviceError as DeviceError
    from kerasplug.errors import FetchError as FetchError
    from kerasplug.errors import KerasplugError as KerasplugError
    from kerasplug.errors import KerasplugWarning as KerasplugWarning
    from kerasplug.errors import MissingPluginError as MissingPluginError
    from kerasplug.errors import ModelError as ModelError
    from kerasplug.errors import ParityError as ParityError
    from kerasplug.errors import PluginError as PluginError
    from kerasplug.errors import RecordError as RecordError
    from kerasplug.errors import ReproducibilityError as ReproducibilityError
    from kerasplug.errors import SaveWarning as SaveWarning
    from kerasplug.errors import SeedError as SeedError
    from kerasplug.errors import StaleCompileError as StaleCompileError
    from kerasplug.errors import TranslationError as TranslationError
    from kerasplug.errors import UnknownNameError as UnknownNameError
    from kerasplug.errors import WorkerError as WorkerError
    from kerasplug.fetching import Patience as Patience
    from kerasplug.fetching import UnpackLimits as UnpackLimits
    from kerasplug.fetching import fetch as fetch
    from kerasplug.fetching import get_file as get_file
    from kerasplug.fetching import is_cached as is_cached
    from kerasplug.hooks import ApplicationRecord as ApplicationRecord
    from kerasplug.hooks import BackendRecord as BackendRecord
    from kerasplug.hooks import CallbackRecord as CallbackRecord
    from kerasplug.hooks import DatasetRecord as DatasetRecord
    from kerasplug.hooks import LayerRecord as LayerRecord
    from kerasplug.hooks import Needs as Needs
    from kerasplug.hooks import ObjectRecord as ObjectRecord
    from kerasplug.hooks import PackagedFile as PackagedFile
    from kerasplug.hooks import PublishedFile as PublishedFile
    from kerasplug.hooks import RemoteFile as RemoteFile
    from kerasplug.hooks import hookimpl as hookimpl
    from kerasplug.implementation import backend as backend
    from kerasplug.implementation import implementation as implementation
    from kerasplug.implementation import is_backend_available as is_backend_available
    from kerasplug.implementation import is_keras_available as is_keras_available
    from kerasplug.implementation import keras_version as keras_version
    from kerasplug.implementation import require_keras as require_keras
    from kerasplug.implementation import use_implementation as use_implementation
    from kerasplug.lazy import lazy_exports as lazy_exports
    from kerasplug.models import ResetStates as ResetStates
    from kerasplug.models import carry_states as carry_states
    from kerasplug.models import check_stateful as check_stateful
    from kerasplug.models import freeze_weights as freeze_weights
    from kerasplug.models import frozen as frozen
    from kerasplug.models import get_states as get_states
    from kerasplug.models import layer_outputs as layer_outputs
    from kerasplug.models import pop_layer as pop_layer
    from kerasplug.models import predict_classes as predict_classes
    from kerasplug.models import predict_proba as predict_proba
    from kerasplug.models import recompile as recompile
    from kerasplug.models import reset_states as reset_states
    from kerasplug.models import set_states as set_states
    from kerasplug.models import snapshot_compile as snapshot_compile
    from kerasplug.models import stale_compile as stale_compile
    from kerasplug.models import trainable_summary as trainable_summary
    from kerasplug.models import truncate_model as truncate_model
    from kerasplug.models import unfreeze_weights as unfreeze_weights
    from kerasplug.models import watch_compile as watch_compile
    from kerasplug.pretrained import ApplicationSource as ApplicationSource
    from kerasplug.pretrained import (
        application_decode_predictions as application_decode_predictions,
    )
    from kerasplug.pretrained import (
        application_preprocess_inputs as application_preprocess_inputs,
    )
    from kerasplug.registry import PluginInfo as PluginInfo
    from kerasplug.registry import blocked as blocked
    from kerasplug.registry import plugins as plugins
    from kerasplug.registry import refresh as refresh
    from kerasplug.registry import register as register
    from kerasplug.registry import unregister as unregister
    from kerasplug.reproducing import Difference as Difference
    from kerasplug.reproducing import Reproducibility as Reproducibility
    from kerasplug.reproducing import check_reproducible as check_reproducible
    from kerasplug.saving import Limits as Limits
    from kerasplug.saving import WeightsReport as WeightsReport
    from kerasplug.saving import dumps as dumps
    from kerasplug.saving import inspect_model as inspect_model
    from kerasplug.saving import install_resolver as install_resolver
    from kerasplug.saving import load_model as load_model
    from kerasplug.saving import load_model_hdf5 as load_model_hdf5
    from kerasplug.saving import load_model_weights_hdf5 as load_model_weights_hdf5
    from kerasplug.saving import loads as loads
    from kerasplug.saving import model_from_json as model_from_json
    from kerasplug.saving import model_from_yaml as model_from_yaml
    from kerasplug.saving import model_to_json as model_to_json
    from kerasplug.saving import model_to_yaml as model_to_yaml
    from kerasplug.saving import save_model as save_model
    from kerasplug.saving import save_model_hdf5 as save_model_hdf5
    from kerasplug.saving import save_model_weights_hdf5 as save_model_weights_hdf5
    from kerasplug.seeding import Measure as Measure
    from kerasplug.seeding import SeedReport as SeedReport
    from kerasplug.seeding import derive_seeds as derive_seeds
    from kerasplug.seeding import seeded as seeded
    from kerasplug.seeding import use_session_with_seed as use_session_with_seed
    from kerasplug.testing import skip_if_no_keras as skip_if_no_keras
    from kerasplug.training import CallbackCost as CallbackCost
    from kerasplug.training import CallbackCosts as CallbackCosts
    from kerasplug.training import GracefulInterrupt as GracefulInterrupt
    from kerasplug.training import GradualUnfreezing as GradualUnfreezing
    from kerasplug.training import HistoryPlot as HistoryPlot
    from kerasplug.training import JsonLog as JsonLog
    from kerasplug.training import ResumableCallbacks as ResumableCallbacks
    from kerasplug.training import RichProgress as RichProgress
    from kerasplug.training import StepCosts as StepCosts
    from kerasplug.training import StepReport as StepReport
    from kerasplug.training import (
        callback_backup_and_restore as callback_backup_and_restore,
    )
    from kerasplug.training import callback_costs as callback_costs
    from kerasplug.training import callback_csv_logger as callback_csv_logger
    from kerasplug.training import callback_early_stopping as callback_early_stopping
    from kerasplug.training import callback_lambda as callback_lambda
    from kerasplug.training import (
        callback_learning_rate_scheduler as callback_learning_rate_scheduler,
    )
    from kerasplug.training import (
        callback_model_checkpoint as callback_model_checkpoint,
    )
    from kerasplug.training import callback_progbar_logger as callback_progbar_logger
    from kerasplug.training import (
        callback_reduce_lr_on_plateau as callback_reduce_lr_on_plateau,
    )
    from kerasplug.training import callback_remote_monitor as callback_remote_monitor
    from kerasplug.training import callback_state as callback_state
    from kerasplug.training import (
        callback_swap_ema_weights as callback_swap_ema_weights,
    )
    from kerasplug.training import callback_tensorboard as callback_tensorboard
    from kerasplug.training import (
        callback_terminate_on_naan as callback_terminate_on_naan,
    )
    from kerasplug.training import (
        callback_terminate_on_nan as callback_terminate_on_nan,
    )
    from kerasplug.training import fit_gradually as fit_gradually
    from kerasplug.training import restore_callback_state as restore_callback_state
    from kerasplug.training import safe_fit as safe_fit

__version__ = "0.1.0"

# Room -> the public names that live in it. The one list: `__all__`, `dir()`,
# lazy loading and the test of the block above all read it.
_ROOMS = {
    "catalog": "applications backends callbacks datasets layers objects",
    "config": "keras_home read_config write_config",
    "create_layer": "create_layer create_layer_wrapper pipe",
    "data": "DatasetSource Split Splits",
    "devices": "Placements available_devices device_scope multi_gpu_model place "
    "placements split_sizes virtual_devices",
    "engines": "Carried Comparison Devices RemoteModel TranslatedLayer Translation "
    "WorkerEngine compare_backends to_backend use_backend use_condaenv "
    "use_virtualenv",
    "errors": "AmbiguousNameError ApplicationError DatasetError DeviceError "
    "FetchError KerasplugError KerasplugWarning MissingPluginError ModelError "
    "ParityError PluginError RecordError ReproducibilityError SaveWarning SeedError "
    "StaleCompileError TranslationError UnknownNameError WorkerError",
    "fetching": "Patience UnpackLimits fetch get_file is_cached",
    "hooks": "ApplicationRecord BackendRecord CallbackRecord DatasetRecord "
    "LayerRecord Needs ObjectRecord PackagedFile PublishedFile RemoteFile hookimpl",
    "implementation": "backend implementation is_backend_available "
    "is_keras_available keras_version require_keras use_implementation",
    "lazy": "lazy_exports",
    "models": "ResetStates carry_states check_stateful freeze_weights frozen "
    "get_states layer_outputs pop_layer predict_classes predict_proba "
    "recompile reset_states set_states snapshot_compile stale_compile "
    "trainable_summary truncate_model unfreeze_weights watch_compile",
    "pretrained": "ApplicationSource application_decode_predictions "
    "application_preprocess_inputs",
    "registry": "PluginInfo blocked plugins refresh register unregister",
    "reproducing": "Difference Reproducibility check_reproducible",
    "saving": "Limits WeightsReport dumps inspect_model install_resolver "
    "load_model load_model_hdf5 load_model_weights_hdf5 loads "
    "model_from_json model_from_yaml model_to_json model_to_yaml "
    "save_model save_model_hdf5 save_model_weights_hdf5",
    "seeding": "Measure SeedReport derive_seeds seeded use_session_with_seed",
    "testing": "skip_if_no_keras",
    "training": "CallbackCost CallbackCosts GracefulInterrupt GradualUnfreezing "
    "HistoryPlot JsonLog ResumableCallbacks RichProgress StepCosts StepReport "
    "callback_backup_and_restore callback_costs callback_csv_logger "
    "callback_early_stopping callback_lambda "
    "callback_learning_rate_scheduler callback_model_checkpoint "
    "callback_progbar_logger callback_reduce_lr_on_plateau "
    "callback_remote_monitor callback_state "
    "callback_swap_ema_weights callback_tensorboard "
    "callback_terminate_on_naan callback_terminate_on_nan "
    "fit_gradually restore_callback_state safe_fit",
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names.split()}

__all__ = [*_HOME, "__version__"]  # noqa: PLE0604 -- strings, and the test of the list proves it


class _Package(type(sys)):  # type: ignore[misc]  # type(sys) is ModuleType, without importing `types`
    """The package as a module that loads names late and keeps them apart from rooms.

    A submodule that is imported gets bound on its package; two rooms share a name
    with a function. Such a binding is refused, so that `kerasplug.create_layer` is
    the function whatever was imported before.
    """

    def __getattr__(self, name: str) -> object:
        room = _HOME.get(name)
        if room is None:
            message = f"module {self.__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        module = __import__(f"{self.__name__}.{room}", None, None, (name,))
        value = getattr(module, name)
        self.__dict__[name] = value
        return value

    def __setattr__(self, name: str, value: object) -> None:
        if isinstance(value, type(sys)) and value.__name__ == f"{self.__name__}.{name}":
            import _kerasplug_state

            _kerasplug_state.keep(self)
            self.__dict__.setdefault("_bound", {})[name] = value
            if name in _HOME:
                return
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *_HOME})


_state = sys.modules.get("_kerasplug_state")
if _state is not None and _state.package is not None:
    # keras.config.set_backend() dropped us; come back as the very same modules.
    _state.restore()
else:
    sys.modules[__name__].__class__ = _Package
