from collections.abc import Sequence
from typing import Any, Self, TypedDict

class LayerOptions(TypedDict, total=False):
    activity_regularizer: Any
    trainable: bool
    dtype: Any
    autocast: bool
    name: str | None
    input_shape: Any

class InputSpec:
    dtype: str | None
    shape: tuple[int | None, ...] | None
    ndim: int | None
    max_ndim: int | None
    min_ndim: int | None
    axes: dict[int, int | None]
    def __init__(
        self,
        dtype: Any = None,
        shape: Any = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None: ...

class Layer:
    name: str
    built: bool
    trainable: bool
    autocast: bool
    supports_masking: bool
    input_spec: Any
    activity_regularizer: Any
    dtype_policy: Any
    @property
    def dtype(self) -> str: ...
    @property
    def compute_dtype(self) -> str: ...
    @property
    def variable_dtype(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def input(self) -> Any: ...
    @property
    def output(self) -> Any: ...
    @property
    def losses(self) -> list[Any]: ...
    @property
    def metrics(self) -> list[Any]: ...
    @property
    def variables(self) -> list[Any]: ...
    @property
    def trainable_variables(self) -> list[Any]: ...
    @property
    def non_trainable_variables(self) -> list[Any]: ...
    @property
    def weights(self) -> list[Any]: ...
    @property
    def trainable_weights(self) -> list[Any]: ...
    @property
    def non_trainable_weights(self) -> list[Any]: ...
    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        input_shape: Any = ...,
        input_dim: int = ...,
    ) -> None: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    # Overridden with whatever arguments a layer takes.
    def build(self, *args: Any, **kwargs: Any) -> None: ...
    def call(self, *args: Any, **kwargs: Any) -> Any: ...
    def compute_mask(self, *args: Any, **kwargs: Any) -> Any: ...
    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any: ...
    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any: ...
    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str | None = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Any: ...
    def add_loss(self, loss: Any) -> None: ...
    def get_weights(self) -> list[Any]: ...
    def set_weights(self, weights: Sequence[Any]) -> None: ...
    def count_params(self) -> int: ...
    def get_config(self) -> dict[str, Any]: ...
    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self: ...
    def get_build_config(self) -> dict[str, Any] | None: ...
    def build_from_config(self, config: dict[str, Any]) -> None: ...
    def save_own_variables(self, store: Any) -> None: ...
    def load_own_variables(self, store: Any) -> None: ...
    def stateless_call(self, *args: Any, **kwargs: Any) -> Any: ...
    def quantize(self, *args: Any, **kwargs: Any) -> None: ...

def Input(  # noqa: N802 -- Keras' own name
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
) -> Any: ...
