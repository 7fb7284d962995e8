"""Watch a PyTorch training loop inside a `with` block; get a live table, a file of all values and
a report."""

import torch
from torch import nn

import gradgauge as gg
from gradgauge.export.jsonl import JsonlWriter
from gradgauge.report.terminal.live import LiveTable

torch.manual_seed(0)
x = torch.randn(512, 20)
y = (x.sum(dim=1) > 0).long()

hidden = [part for _ in range(5) for part in (nn.Linear(32, 32), nn.Sigmoid())]
model = nn.Sequential(nn.Linear(20, 32), nn.Sigmoid(), *hidden, nn.Linear(32, 2))
optimizer = torch.optim.Adam(model.parameters(), 3e-3)

listeners = [LiveTable(report="watch.html"), JsonlWriter("watch.jsonl")]
with gg.watch(model, every=20, to=listeners) as watcher:
    for _ in range(25):
        for batch, target in zip(x.split(64), y.split(64), strict=True):
            loss = nn.functional.cross_entropy(model(batch), target)
            watcher.log(loss)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

watcher.run.save("watch.nc")
gg.write_picture(watcher.run, "signal.png")
