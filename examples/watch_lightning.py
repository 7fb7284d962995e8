"""Watch a Lightning training run with a callback."""

import lightning
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import gradgauge as gg


class Classifier(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(20, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh())
        self.head = nn.Linear(32, 2)

    def training_step(self, batch):
        x, y = batch
        return nn.functional.cross_entropy(self.head(self.net(x)), y)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters())


x = torch.randn(256, 20)
data = DataLoader(TensorDataset(x, (x.sum(dim=1) > 0).long()), batch_size=64)
model = Classifier()
watcher = gg.watch(model)
trainer = lightning.Trainer(
    max_epochs=1,
    callbacks=[watcher],
    accelerator="cpu",
    logger=False,
    enable_checkpointing=False,
    enable_progress_bar=False,
    enable_model_summary=False,
)
trainer.fit(model, data)
print(watcher.run.probes["delta_norm"].isel(member=0, probe_step=0).values)
