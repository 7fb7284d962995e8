"""Keras's Callback, with types: Keras ships none, and a class on top of it would have none either."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:

    class Callback:
        """What gradgauge uses of `keras.callbacks.Callback`."""

        params: Any

        @property
        def model(self) -> Any:
            """The model that is trained."""

        def set_model(self, model: Any) -> None:
            """Told by Keras."""

        def set_params(self, params: Any) -> None:
            """Told by Keras."""

else:
    from keras.callbacks import Callback

__all__ = ["Callback"]
