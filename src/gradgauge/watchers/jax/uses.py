"""Where parameters meet data, in a flat JAX program."""

from __future__ import annotations

from dataclasses import dataclass, field

from gradgauge.watchers.jax.program import Ref


@dataclass(eq=False)
class Use:
    """One place where a parameter meets data.

    Attributes:
        leaf: number of the parameter.
        kind: one of KINDS.
        source: the data.
        z, h: values; h is None where z takes several ways and what follows is not clear.
        unit_axes: of z and h.
        hint: name of the operation between z and h.
        after: leaves whose uses depend on this one.
        direct: whether something that is not elementwise reads z itself.
        folded: whether this normalization is part of another layer's z.
        inner: what h is a constant times of, if that may be the activation's value.
        product: what the operation itself gives.
    """

    leaf: int
    kind: str
    source: Ref | None
    z: Ref
    h: Ref | None
    unit_axes: tuple[int, ...]
    hint: str = ""
    output: bool = True
    direct: bool = False
    folded: bool = False
    inner: Ref | None = None
    product: Ref = -1

    def __post_init__(self) -> None:
        self.product = self.z


@dataclass
class Found:
    """All uses, in order, the parameters that only a loop's inside sees, the layers' roles, and the
    parameters that data is added to."""

    uses: list[Use] = field(default_factory=list)
    inside: dict[int, str] = field(default_factory=dict)
    roles: dict[int, str] = field(default_factory=dict)
    added: set[int] = field(default_factory=set)
