from typing import TYPE_CHECKING, Any, assert_type

import kerasplug

if TYPE_CHECKING:
    from kerasplug.typing import keras
else:
    keras = kerasplug.implementation()


class Stopper(keras.callbacks.Callback):
    def __init__(self, limit: float) -> None:
        super().__init__()
        self.limit = limit

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if epoch and logs is not None and logs["loss"] < self.limit:
            self.model.stop_training = True

    def on_train_batch_end(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        del batch, logs


stopper = Stopper(0.1)
assert_type(stopper.model, keras.Model)
model = keras.Sequential()
assert_type(model.fit(callbacks=[stopper]), keras.callbacks.History)
assert_type(model.fit().history, dict[str, list[Any]])
