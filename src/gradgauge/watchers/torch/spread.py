"""Norms of weights that are spread over processes (FSDP2, tensor parallel): DTensors.

Every process adds up the squares of its own part; what they have in common is one small vector,
reduced once for each step that is measured. Processes must then measure the same steps, so they
settle the next one by figures that all of them have.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from gradgauge.watchers.torch.norms import is_spread

_WATCHERS = itertools.count()
"""Of this process, with spread weights: programs that run alike in all processes count alike."""


def process_count() -> int:
    """How many processes train together; 1 where none of them has met another."""
    there = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_world_size() if there else 1


class Spread:
    """Which weights are spread, over whom, and who else watches.

    Args:
        parameters: the weights.
    """

    def __init__(self, parameters: Sequence[nn.Parameter]):
        self._groups: dict[tuple[int, tuple[int, ...]], list[int]] = {}
        self._meshes: dict[int, Any] = {}
        for index, weight in enumerate[Any](parameters):
            if is_spread(weight):
                mesh = weight.device_mesh
                axes = tuple(i for i, p in enumerate(weight.placements) if p.is_shard())
                self._meshes[id(mesh)] = mesh
                self._groups.setdefault((id(mesh), axes), []).append(index)
        self._alike: bool | None = None
        if self._groups:
            self._announce(parameters)

    def __bool__(self) -> bool:
        return bool(self._groups)

    def _announce(self, parameters: Sequence[nn.Parameter]) -> None:
        """Tell the other processes that this one watches: a reduction that only one of them
        makes would wait for the others for ever."""
        import torch.distributed as dist

        shapes = str([tuple(p.shape) for p in parameters]).encode()
        number = f"{hashlib.sha256(shapes).hexdigest()[:16]}/{next(_WATCHERS)}"
        self._store = dist.distributed_c10d._get_default_store()
        ranks = {int(r) for mesh in self._meshes.values() for r in mesh.mesh.flatten().tolist()}
        self._keys = [f"gradgauge/{number}/{rank}" for rank in sorted(ranks)]
        self._store.set(f"gradgauge/{number}/{dist.get_rank()}", "watches")

    @property
    def alike(self) -> bool:
        """Whether all processes watch. Asked first after a backward pass, to which all came."""
        if self._alike is None:
            self._alike = bool(self._store.check(self._keys))
        return self._alike

    def whole(self, local: np.ndarray, facts: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
        """Norms of the whole weights from those of the parts, and the means of `facts`.

        Args:
            local: (kinds, weights); NaN where nothing is.
            facts: numbers of this process.
        """
        import torch.distributed as dist

        whole, means = local.copy(), np.asarray(facts, np.float64)
        for number, ((mesh_id, axes), places) in enumerate(self._groups.items()):
            mesh = self._meshes[mesh_id]
            told = means if number == 0 else np.zeros(0)
            squares = np.square(local[:, places]).reshape(-1)
            vector = torch.tensor(np.concatenate([squares, told]), device=mesh.device_type)
            for axis in range(mesh.ndim):
                mean = torch.cat(
                    [torch.ones(len(squares)), torch.full((len(told),), mesh.size(axis))]
                )
                if axis not in axes:  # The same everywhere along this axis.
                    mean[:] = mesh.size(axis)
                dist.all_reduce(vector, group=mesh.get_group(axis))
                vector /= mean.to(vector)
            found = vector.cpu().numpy()
            whole[:, places] = np.sqrt(found[: len(squares)]).reshape(len(local), -1)
            means = found[len(squares) :] if number == 0 else means
        return whole, means
