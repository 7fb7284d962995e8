"""Remedies on somebody's own model: the lines of the patch are what is run, so that what a trial
proves is what its user is told to write. One file a framework."""

from __future__ import annotations

from gradgauge.own.loops import loop_of
from gradgauge.own.made import JAX, KERAS
from gradgauge.remedies.remedy import Remedy
from gradgauge.remedies.surgery.site import FEW, Site, first_rows
from gradgauge.remedies.trainer import CannotApply, Dose

__all__ = ["Site", "takes", "treat"]


def treat(site: Site, doses: tuple[Dose, ...], rate_factor: float = 1.0) -> Site:
    """A network with remedies, in their order, and with another learning rate.

    Args:
        site: a network of its own: it is changed.
        doses: the remedies.
        rate_factor: of the learning rate, after them.

    Raises:
        CannotApply: one of them cannot be applied to it; it is of no use then.
    """
    from gradgauge.remedies.known import BY_KEY

    for dose in doses:
        remedy = BY_KEY[dose.remedy]
        knob = remedy.knob.usual if dose.knob is None else dose.knob
        site = _with_rate(site, knob) if remedy.rate else _treated(site, remedy, knob, dose.layers)
    return site if rate_factor == 1 else _with_rate(site, rate_factor)


def takes(site: Site) -> None:
    """Raise unless the loss takes what the network makes of the data.

    Raises:
        CannotApply: it does not.
    """
    x, y = first_rows(site.data, FEW), site.data.y[:FEW]
    if site.made.framework == KERAS:
        from gradgauge.remedies.surgery.keras import complaint

        why = complaint(site.made.model, x, y)
    else:
        why = loop_of(site.made).takes(x, y)
    if why:
        raise CannotApply("failed", why=why)


def _treated(site: Site, remedy: Remedy, knob: float, layers: tuple[str, ...]) -> Site:
    lines = remedy.lines(site.made.framework, knob, site.activation, layers)
    if not lines:
        raise CannotApply(remedy.unwritten.get(site.made.framework, "by_hand"))
    if site.made.framework == KERAS:
        from gradgauge.remedies.surgery.keras import treated
    elif site.made.framework == JAX:
        from gradgauge.remedies.surgery.jax import treated
    else:
        from gradgauge.remedies.surgery.torch import treated
    return treated(site, remedy, lines)


def _with_rate(site: Site, factor: float) -> Site:
    if site.made.framework == KERAS:
        from gradgauge.remedies.surgery.keras import with_rate
    elif site.made.framework == JAX:
        from gradgauge.remedies.surgery.jax import with_rate
    else:
        from gradgauge.remedies.surgery.torch import with_rate
    return with_rate(site, factor)
