"""All gauges of every layer on one batch."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from gradgauge.engine.backward import LayerBack
from gradgauge.engine.batches import as_inputs, as_targets
from gradgauge.engine.build import LayerTable, Params
from gradgauge.engine.forward import Taps
from gradgauge.engine.layout import together
from gradgauge.engine.program_key import ProgramKey
from gradgauge.engine.step import one_pass
from gradgauge.gauges import PROBE_QUANTITIES, measure
from gradgauge.signals import LayerSignals

Array = Any


def probe(
    key: ProgramKey,
    params: tuple[Params, ...],
    tables: tuple[LayerTable, ...],
    x: Array,
    y: Array,
) -> dict[str, Array]:
    """PROBE_QUANTITIES of every layer, (layers,), the output layer last; NaN without meaning.

    Args:
        params: as a state has them, by `key.step_blocks`.
        x, y: the batch, as it stands in the dataset.

    Batch normalization uses the probe batch's statistics, as training does its batch's.
    """

    def observe(
        tap: Taps, back: LayerBack, arrived: Array, params: Params, row: LayerTable
    ) -> dict[str, Array]:
        return measure(
            LayerSignals(
                pre_activation=tap.z,
                activation=tap.h,
                slope=tap.slope,
                activation_grad=back.g,
                delta=back.delta,
                # Only its norm is read, and layers above may differ in width.
                delta_next=arrived[None, None],
                weight=params["weight"],
                weight_grad=back.gradients["weight"],
                max_slope=row.max_slope,
                saturates=row.saturates,
            )
        )

    params = together(key, params)
    rows, targets = as_inputs(x, key.dtype), as_targets(key, y)
    result = one_pass(key, params, tables, rows, targets, None, observe)
    output = measure(
        LayerSignals(
            delta=result.kept[-1][None, None],
            weight=params[-1]["weight"][0],
            weight_grad=result.gradients[-1]["weight"][0],
        )
    )
    missing = jnp.full((1,), jnp.nan, key.dtype)
    return {
        name: jnp.concatenate(
            [*(block[name] for block in result.kept[:-1]), output.get(name, missing).reshape(1)]
        )
        for name in PROBE_QUANTITIES
    }
