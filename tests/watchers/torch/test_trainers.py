"""Lightning and Hugging Face: bit-identical, restored, the training batch, the logged figures."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import gradgauge as gg
from gradgauge.watchers.errors import CannotWatch
from tests.watchers.torch.test_training import alike, hooks_left

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import lightning
    import transformers

pytestmark = pytest.mark.filterwarnings("ignore")

X = torch.randn(48, 6, generator=torch.Generator().manual_seed(0))
Y = torch.arange(48) % 3


class Classifier(lightning.LightningModule):
    def __init__(self, fail_at=None):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.norm = nn.Linear(6, 8), nn.BatchNorm1d(8)
        self.drop, self.head = nn.Dropout(0.2), nn.Linear(8, 3)
        self.fail_at = fail_at

    def training_step(self, batch, index):
        if index == self.fail_at:
            raise RuntimeError("mine")
        x, y = batch
        out = self.head(self.drop(torch.relu(self.norm(self.first(x)))))
        loss = nn.functional.cross_entropy(out, y)
        self.log("train_loss", loss, on_epoch=True, on_step=False)
        return loss

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 1e-2)


def fit(model, callbacks, **options):
    torch.manual_seed(1)
    trainer = lightning.Trainer(
        max_epochs=2,
        callbacks=callbacks,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )
    trainer.fit(model, DataLoader(TensorDataset(X, Y), batch_size=16))
    return [*model.parameters(), *model.buffers()]


def test_lightning():
    plain = fit(Classifier(), [], gradient_clip_val=0.05)
    model = Classifier()
    watcher = gg.watch(model, every=1)
    assert alike(plain, fit(model, [watcher], gradient_clip_val=0.05))
    assert hooks_left(model) == []
    run = watcher.run
    assert run.figure("steps_done")[0] == 6
    assert [row.name for row in run.layers] == ["first", "head"]
    assert np.isfinite(run.values("steps", "loss")).all()
    before, behind = (run.values("steps", n)[0] for n in ("weight_grad_norm", "clipped_grad_norm"))
    assert (behind < before).all()
    assert np.isfinite(run.values("probes", "delta_norm")).all()
    assert run.groups["epochs"].coords["epoch"].tolist() == [1, 2]
    assert np.isfinite(run.values("epochs", "train_loss")).all()


class Bookkeeper(Classifier):
    """Notes the loss of every micro-batch."""

    def __init__(self):
        super().__init__()
        self.losses = []

    def training_step(self, batch, index):
        loss = super().training_step(batch, index)
        self.losses.append(float(loss.detach()))
        return loss


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_lightning_accumulates(parts):
    model = Bookkeeper()
    watcher = gg.watch(model, every=1)
    fit(model, [watcher], accumulate_grad_batches=parts)
    epochs = np.array(model.losses).reshape(2, 3)
    groups = [epoch[i : i + parts] for epoch in epochs for i in range(0, 3, parts)]
    assert watcher.run.figure("steps_done")[0] == len(groups)
    expected = [group.mean() for group in groups]
    np.testing.assert_allclose(watcher.run.values("steps", "loss")[0], expected, rtol=1e-6)


def test_lightning_exception():
    model = Classifier(fail_at=1)
    watcher = gg.watch(model, every=1)
    with pytest.raises(RuntimeError, match="mine"):
        fit(model, [watcher])
    assert hooks_left(model) == []
    assert watcher.run.figure("steps_done")[0] == 1


def bert():
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=20,
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=8,
    )
    config.num_labels = 3
    return transformers.BertForSequenceClassification(config)


ROWS = [{"input_ids": torch.arange(6) + i % 5, "labels": i % 3} for i in range(24)]


def trainer(model, folder, rows=ROWS):
    arguments = transformers.TrainingArguments(
        str(folder),
        per_device_train_batch_size=4,
        max_steps=3,
        report_to=[],
        use_cpu=True,
        save_strategy="no",
        disable_tqdm=True,
        gradient_accumulation_steps=2,
        logging_steps=1,
    )
    return transformers.Trainer(model=model, args=arguments, train_dataset=rows)


def test_hugging_face(tmp_path):
    plain = bert()
    trainer(plain, tmp_path).train()
    model = bert()
    watched = trainer(model, tmp_path)
    with gg.watch(watched, every=1) as watcher:
        watched.train()
    assert alike(list(plain.parameters()), list(model.parameters()))
    assert hooks_left(model) == []
    run = watcher.run
    assert run.figure("steps_done")[0] == 3
    rows = {row.name: row for row in run.layers}
    assert rows["bert.encoder.layer.0.intermediate.dense"].activation == "gelu"
    assert rows["bert.pooler.dense"].activation == "tanh"
    assert rows["classifier"].output
    assert np.isfinite(run.values("steps", "loss")).all()
    index = list(rows).index("bert.encoder.layer.1.intermediate.dense")
    gains = [
        run.values("probes", n)[0, 0, index] for n in ("backward_gain", "weight_gain", "slope_gain")
    ]
    assert gains[0] == pytest.approx(gains[1] * gains[2], rel=1e-5)


def test_hugging_face_exception(tmp_path):
    class Rows(torch.utils.data.Dataset):
        def __len__(self):
            return 24

        def __getitem__(self, i):
            raise RuntimeError("mine")

    model = bert()
    watched = trainer(model, tmp_path, Rows())
    with pytest.raises(RuntimeError, match="mine"), gg.watch(watched, every=1):
        watched.train()
    assert hooks_left(model) == []


def test_not_begun(tmp_path):
    with pytest.raises(CannotWatch) as caught:
        _ = gg.watch(trainer(bert(), tmp_path)).run
    assert caught.value.reason == "not_begun"
