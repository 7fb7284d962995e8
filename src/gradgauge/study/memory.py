"""What does not fit into this machine's memory."""

from __future__ import annotations

from gradgauge.errors import GradgaugeError
from gradgauge.messages.catalog import Message


class TooLarge(GradgaugeError):
    """A network that does not fit this machine's memory.

    Args:
        notation: the network.
        needs, has: bytes.
    """

    notation: str
    needs: float
    has: float

    def __init__(self, notation: str, needs: float, has: float):
        super().__init__(notation=notation, needs=float(needs), has=float(has))

    def message(self) -> Message:
        """See GradgaugeError."""
        return Message(
            "errors.sweep.too_large",
            {
                "notation": self.notation,
                "needs": f"{self.needs / 1e9:.1f}",
                "has": f"{self.has / 1e9:.1f}",
            },
        )
