from collections.abc import Callable, Sequence
from typing import Any, overload

from .callbacks import Callback, History
from .layers import Layer

class Model(Layer):
    inputs: list[Any]
    outputs: list[Any]
    optimizer: Any
    stop_training: bool
    @property
    def input(self) -> Any: ...
    @property
    def output(self) -> Any: ...
    @property
    def input_shape(self) -> Any: ...
    @property
    def output_shape(self) -> Any: ...
    @property
    def layers(self) -> list[Layer]: ...
    # A functional model, or the constructor of a subclass.
    @overload
    def __init__(
        self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any
    ) -> None: ...
    @overload
    def __init__(
        self, *, name: str | None = None, trainable: bool = True, dtype: Any = None
    ) -> None: ...
    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer: ...
    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[..., Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
    ) -> None: ...
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
    ) -> None: ...
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Sequence[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
    ) -> History: ...
    def evaluate(self, x: Any = None, y: Any = None, **kwargs: Any) -> Any: ...
    def predict(self, x: Any, **kwargs: Any) -> Any: ...
    def train_on_batch(self, x: Any, y: Any = None, **kwargs: Any) -> Any: ...
    def test_on_batch(self, x: Any, y: Any = None, **kwargs: Any) -> Any: ...
    def predict_on_batch(self, x: Any) -> Any: ...
    def train_step(self, *args: Any, **kwargs: Any) -> Any: ...
    def test_step(self, *args: Any, **kwargs: Any) -> Any: ...
    def predict_step(self, *args: Any, **kwargs: Any) -> Any: ...
    def compute_loss(self, *args: Any, **kwargs: Any) -> Any: ...
    def save(self, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None: ...
    def save_weights(
        self, filepath: Any, overwrite: bool = True, **kwargs: Any
    ) -> None: ...
    def load_weights(
        self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any
    ) -> None: ...
    def export(self, filepath: Any, **kwargs: Any) -> None: ...
    def to_json(self, **kwargs: Any) -> str: ...

class Functional(Model):
    def __init__(
        self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any
    ) -> None: ...

class Sequential(Model):
    def __init__(
        self,
        layers: Sequence[Any] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None: ...
    def add(self, layer: Any, rebuild: bool = True) -> None: ...
    def pop(self, rebuild: bool = True) -> Layer | None: ...

def load_model(
    filepath: Any,
    custom_objects: dict[str, Any] | None = None,
    compile: bool = True,  # noqa: A002 -- Keras' own name
    safe_mode: bool = True,
) -> Model: ...
def clone_model(model: Model, *args: Any, **kwargs: Any) -> Model: ...
def model_from_json(
    json_string: str, custom_objects: dict[str, Any] | None = None
) -> Model: ...
def __getattr__(name: str) -> Any: ...
