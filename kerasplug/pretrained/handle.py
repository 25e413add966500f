"""One application of a plugin, as users hold it."""

from typing import Any, Final

from kerasplug import registry
from kerasplug.hooks import ApplicationRecord
from kerasplug.pretrained import asking, weights
from kerasplug.pretrained.source import ApplicationSource
from kerasplug.saving.origins import MARK
from kerasplug.signatures import parameters

__all__ = ["Application"]


class _Usual:
    """Stands for the weights that an application has by default."""

    def __repr__(self) -> str:
        return "the usual weights"


_USUAL: Final = _Usual()


class Application:
    """One application; nothing is imported or downloaded before it is called.

    Example:
        >>> import kerasplug
        >>> digits_cnn = kerasplug.applications["digits_cnn"]
        >>> digits_cnn.record.parameters, digits_cnn.weights
        (21818, ('digits',))
    """

    def __init__(self, claim: registry.Claim) -> None:
        self._claim = claim

    @property
    def record(self) -> ApplicationRecord:
        """The full description: sizes, accuracy, licence, citation."""
        record = self._claim.record()
        assert isinstance(record, ApplicationRecord)
        return record

    @property
    def name(self) -> str:
        """The canonical name, `distribution/name`."""
        return self._claim.canonical

    @property
    def weights(self) -> tuple[str, ...]:
        """The names that `weights=` may have; the first one is the default."""
        return weights.names_of(self.record, registry.load(self._claim))

    @property
    def arguments(self) -> dict[str, Any]:
        """Name -> default, of the arguments besides `weights`."""
        build = self._build(registry.load(self._claim))
        return {
            one.name: None if one.default is one.empty else one.default
            for one in parameters(build) or ()
            if one.name != "weights"
        }

    @staticmethod
    def _build(source: Any) -> Any:
        return source.build if isinstance(source, ApplicationSource) else source

    def __call__(self, *, weights: Any = _USUAL, **arguments: Any) -> Any:
        """A new model, not compiled.

        Args:
            weights: one of `self.weights`, the first one by default; None for random
                ones; the path of a file with weights; or a file as records have them.
            **arguments: those of the application: see `arguments`. Keras' have
                `include_top`, `input_shape`, `pooling`, `classes`, …

        Returns:
            A Keras model that `application_preprocess_inputs` and
            `application_decode_predictions` know, also after `kerasplug.save_model` and
            `kerasplug.load_model`.

        Raises:
            ApplicationError: an argument is unknown, or not of its form.
            FetchError: a file is not in the cache and can't be had.
            ModelFileError: weights don't fit, or their file is damaged.
            NeedsError: this environment lacks what the application needs.
            PluginError: its plugin is broken.

        Example:
            >>> import kerasplug
            >>> try:
            ...     kerasplug.applications["digits_cnn"](pooling="average")
            ... except kerasplug.ApplicationError as error:
            ...     print(error.expected, error.mend, sep="; ")
            'avg', 'max' or None; did you mean 'avg'?
        """
        source = registry.load(self._claim)
        model = self._made(source, weights, arguments)
        setattr(model, MARK, self._claim.canonical)
        return model

    def _made(self, source: Any, wanted: Any, arguments: dict[str, Any]) -> Any:
        record, build = self.record, self._build(source)
        given = asking.checked(record, build, arguments)
        if wanted is _USUAL:
            wanted = next(iter(weights.names_of(record, source)), None)
        if wanted is None:
            return build(**given)
        choice = weights.chosen(record, source, wanted, given)
        path = weights.path_of(choice.file)
        if choice.name and self._loads_itself(source):
            return build(weights=path, **given)
        model = build(**given)
        weights.put_in(model, path, choice)
        return model

    @staticmethod
    def _loads_itself(source: Any) -> bool:
        """Whether its builder takes `weights`, and no variant but the plain ones."""
        if isinstance(source, ApplicationSource):
            return False
        return any(one.name == "weights" for one in parameters(source) or ())

    def __repr__(self) -> str:
        return f"<application {self.name}: {self.record.summary}>"
