"""What can be watched and diagnosed, by the methods it has: for type checkers and editors.

No framework is imported for it, and none need be installed.
"""

from __future__ import annotations

from typing import Any, Protocol


class KerasModel(Protocol):
    """A Keras model."""

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Train it."""

    def compile(self, *args: Any, **kwargs: Any) -> Any:
        """Say how."""


class PyTorchModule(Protocol):
    """A PyTorch module."""

    def named_modules(self, *args: Any, **kwargs: Any) -> Any:
        """Its parts."""

    def requires_grad_(self, *args: Any, **kwargs: Any) -> Any:
        """Whether it is trained."""


class LightningModule(PyTorchModule, Protocol):
    """A LightningModule."""

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        """The loss of a batch."""

    def configure_optimizers(self, *args: Any, **kwargs: Any) -> Any:
        """What trains it."""


class LightningTrainer(Protocol):
    """A Lightning `Trainer`."""

    callbacks: Any

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Train a module."""

    def fit_loop(self) -> Any:
        """Where it does."""


class HuggingFaceTrainer(Protocol):
    """A Hugging Face `Trainer`."""

    def add_callback(self, *args: Any, **kwargs: Any) -> Any:
        """Tell a callback of the training."""

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """Train."""
