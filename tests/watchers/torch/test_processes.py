"""Trainings in several processes: figures as of one process with the whole batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import nn

import gradgauge as gg

pytestmark = pytest.mark.skipif(not dist.is_available(), reason="needs torch.distributed")

STEPS, SAMPLES = 3, 24


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(6, 10),
        nn.Tanh(),
        nn.LayerNorm(10),
        nn.Linear(10, 10),
        nn.Tanh(),
        nn.Linear(10, 3),
    )


def batch(step):
    x = torch.randn(SAMPLES, 6, generator=torch.Generator().manual_seed(step))
    return x, torch.arange(SAMPLES) % 3


def work(rank, world, kind, folder):
    torch.set_num_threads(1)
    store = dist.FileStore(f"{folder}/store", world)
    dist.init_process_group("gloo", rank=rank, world_size=world, store=store)
    model = network()
    if kind == "ddp":
        model = nn.parallel.DistributedDataParallel(model)
    elif kind.startswith("fsdp2"):
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh("cpu", (world,))
        for part in model:
            if list(part.parameters()):
                fully_shard(part, mesh=mesh)
        fully_shard(model, mesh=mesh)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    watched = rank == 0 or not kind.endswith("alone")
    options: dict[str, Any] = {} if kind.endswith("sampled") else {"every": 1}
    watcher = gg.watch(model, **options) if watched else None
    for step in range(STEPS * (20 if kind.endswith("sampled") else 1)):
        x, y = (part.chunk(world)[rank] for part in batch(step))
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
        optimizer.zero_grad()
    if watcher is not None:
        watcher.close()
        watcher.run.save(f"{folder}/{rank}.nc")
    dist.barrier()
    dist.destroy_process_group()


def trained(kind, world, folder):
    torch.multiprocessing.spawn(work, (world, kind, str(folder)), nprocs=world)
    return gg.Run.load(folder / "0.nc")


def alone():
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    figures = {"weight_grad_norm": [], "weight_norm": [], "update_ratio": []}
    weights = [model.get_parameter(f"{i}.weight") for i in (0, 2, 3, 5)]
    for step in range(STEPS):
        x, y = batch(step)
        nn.functional.cross_entropy(model(x), y).backward()
        before = [w.detach().clone() for w in weights]
        figures["weight_grad_norm"].append([float(w.grad.norm()) for w in weights])
        figures["weight_norm"].append([float(w.norm()) for w in before])
        optimizer.step()
        changes = [(w.detach() - b).norm() for w, b in zip(weights, before, strict=True)]
        ratios = [float(c / b.norm()) for c, b in zip(changes, before, strict=True)]
        figures["update_ratio"].append(ratios)
        optimizer.zero_grad()
    return figures


@pytest.mark.parametrize(("kind", "world"), [("ddp", 2), ("fsdp2", 2), ("fsdp2", 4)])
def test_figures_are_those_of_one_process(kind, world, tmp_path):
    run = trained(kind, world, tmp_path)
    names = [row.name.removeprefix("module.") for row in run.layers]
    order = [names.index(name) for name in ("0", "2", "3", "5") if name in names]
    kept = [i for i, name in enumerate(("0", "2", "3", "5")) if name in names]
    for name, expected in alone().items():
        found = run.values("steps", name)[0][:, order]
        np.testing.assert_allclose(found, np.array(expected)[:, kept], rtol=1e-5, err_msg=name)
    assert np.isfinite(run.values("probes", "delta_norm")).all()
    assert {note.reason for note in run.notes} == {"own_samples"}


def test_processes_that_sample_measure_the_same_steps(tmp_path):
    trained("fsdp2 sampled", 2, tmp_path)
    runs = [gg.Run.load(tmp_path / f"{rank}.nc") for rank in (0, 1)]
    for group, axis in (("steps", "step"), ("probes", "probe_step")):
        first, second = (run.groups[group].coords[axis].tolist() for run in runs)
        assert first == second
    assert runs[0].figure("steps_done")[0] == STEPS * 20


def test_one_process_that_watches_alone_waits_for_nobody(tmp_path):
    run = trained("fsdp2 alone", 2, tmp_path)
    assert "own_part" in {note.reason for note in run.notes}
    assert run.figure("steps_done")[0] == STEPS
