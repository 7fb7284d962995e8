"""Which backward passes of a step belong to it."""

from __future__ import annotations


class Passes:
    """The backward passes of a step, by their numbers.

    A pass belongs to the step if it brought a weight its gradient. One of `torch.autograd.grad`
    with respect to inputs, for adversarial samples, a penalty or saliency, goes through the layers
    as well, but no update uses what comes back there. Where no pass brought any, the gradients
    are taken otherwise, and all passes count.

    A pass may run inside of another one, as those of reentrant checkpoints: PyTorch counts up, so
    that a pass which is seen again after one with a higher number has that one inside.
    """

    def __init__(self):
        self._outermost: dict[int, int] = {}
        self._brought: set[int] = set()
        self._last = -1

    def seen(self, number: int) -> None:
        """Something of the pass comes, or it ends."""
        if number == self._last:
            return
        self._last = number
        self._outermost.setdefault(number, number)
        for other, outermost in self._outermost.items():
            if number < other and number < outermost:
                self._outermost[other] = number

    def brought(self, number: int) -> None:
        """A weight has got a gradient of the pass."""
        self.seen(number)
        self._brought.add(number)

    def forget(self) -> None:
        """What all passes up to now brought was thrown away."""
        self._brought.clear()

    def belongs(self, number: int) -> bool:
        """Whether the pass, or the one that it is inside of, belongs to the step."""
        counted = {self._outermost[other] for other in self._brought}
        return not counted or self._outermost[number] in counted
