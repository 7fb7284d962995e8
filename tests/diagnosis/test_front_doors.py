"""What a PyTorch training may be given as: batches of mappings, a Trainer, a LightningModule."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import gradgauge
from gradgauge.diagnosis.errors import CannotDiagnose
from gradgauge.diagnosis.finding import Diagnosis


def data(rows: int = 256) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(rows, 8, generator=torch.Generator().manual_seed(0))
    return x, x[:, :4].argmax(1)


def rows_as_mappings() -> list[dict[str, torch.Tensor]]:
    x, y = data()
    return [{"features": a, "labels": b} for a, b in zip(x, y, strict=True)]


class Output(dict[str, Any]):
    """As transformers' outputs: a mapping whose entries are attributes too."""

    def __getattr__(self, name: str) -> Any:
        return self[name]


class Classifier(nn.Module):
    """Computes its own loss where it is given labels."""

    def __init__(self, frozen: bool = False):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Linear(8, 32), nn.ReLU())
        self.head = nn.Linear(32, 4)
        self.cut = frozen

    def forward(self, features: torch.Tensor, labels: torch.Tensor | None = None) -> Output:
        hidden = self.body(features)
        logits = self.head(hidden.detach() if self.cut else hidden)
        loss = None if labels is None else nn.functional.cross_entropy(logits, labels)
        return Output(loss=loss, logits=logits)


def diagnosed(model: nn.Module, *args: Any, lr: float = 0.02, **options: Any) -> Diagnosis:
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    loader = DataLoader(rows_as_mappings(), batch_size=32, shuffle=True)
    return gradgauge.diagnose(model, *args, optimizer, loader, epochs=8, **options)


def test_a_model_that_computes_its_own_loss_needs_no_other() -> None:
    result = diagnosed(Classifier())
    assert result.healthy, result
    assert result.verdict == "learned"  # the loss is known by its value, so the outputs count


@pytest.mark.parametrize(
    "loss",
    [
        lambda out, _: out.loss,
        lambda out, y: nn.functional.cross_entropy(out["logits"], y),
    ],
)
def test_a_loss_of_ones_own_gets_outputs_and_labels(loss: Any) -> None:
    assert diagnosed(Classifier(), loss).healthy


def test_a_fault_in_it_is_named() -> None:
    result = diagnosed(Classifier(frozen=True))
    assert [(f.rule, f.layer) for f in result.findings if f.severity == "fault"][:1] == [
        ("unreached-layer", "body.0")
    ]


def test_a_rate_that_is_too_low_is_named() -> None:
    result = diagnosed(Classifier(), lr=1e-7)
    assert result.primary is not None
    assert result.primary.rule == "learning-rate-too-low"


class Loose:
    """Goes through its batches again and again without being a DataLoader."""

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        x, y = data()
        for i in range(0, 256, 32):
            yield {"features": x[i : i + 32], "labels": y[i : i + 32]}


def test_anything_that_can_be_gone_through_again_is_a_loader() -> None:
    model = Classifier()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    assert gradgauge.diagnose(model, optimizer, Loose(), epochs=8).healthy
    with pytest.raises(CannotDiagnose, match="again"):
        gradgauge.diagnose(model, optimizer, iter(Loose()), epochs=8)


def test_batches_padded_to_their_own_length_are_taken() -> None:
    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.table, self.head = nn.Embedding(20, 16), nn.Linear(16, 2)

        def forward(self, input_ids: torch.Tensor, labels: torch.Tensor) -> Output:
            logits = self.head(self.table(input_ids).mean(1))
            return Output(loss=nn.functional.cross_entropy(logits, labels), logits=logits)

    draw = torch.Generator().manual_seed(1)
    batches = []
    for length in (5, 7, 6, 9):
        ids = torch.randint(0, 20, (32, length), generator=draw)
        batches.append({"input_ids": ids, "labels": (ids < 10).float().mean(1).gt(0.5).long()})
    model = Words()
    result = gradgauge.diagnose(model, torch.optim.Adam(model.parameters(), 0.02), batches)
    assert result.healthy, result


def test_a_model_without_a_loss_is_told_what_is_missing() -> None:
    class Bare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(8, 4)

        def forward(self, features: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            del labels
            return self.layer(features)

    with pytest.raises(CannotDiagnose) as raised:
        diagnosed(Bare())
    assert raised.value.sentence("en")


# -- Hugging Face


def test_a_hugging_face_trainer_stays_as_it_was(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    model = Classifier()
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path),
        report_to=[],
        use_cpu=True,
        max_steps=60,
        per_device_train_batch_size=32,
        learning_rate=0.02,
    )
    trainer = transformers.Trainer(model=model, args=arguments, train_dataset=rows_as_mappings())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    result = gradgauge.diagnose(trainer)
    assert result.healthy, result
    assert trainer.optimizer is None
    assert trainer.lr_scheduler is None
    assert all(torch.equal(before[n], v) for n, v in model.state_dict().items())


def test_a_trainer_of_a_few_steps_is_not_blamed_for_learning_nothing(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path), report_to=[], use_cpu=True, max_steps=10, learning_rate=1e-6
    )
    trainer = transformers.Trainer(
        model=Classifier(), args=arguments, train_dataset=rows_as_mappings()
    )
    result = gradgauge.diagnose(trainer)
    assert (result.steps, result.verdict, result.healthy) == (10, "unknown", True), result


def test_a_trainer_with_a_loss_of_its_own_is_asked_for_it(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")

    class Own(transformers.Trainer):
        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any
        ) -> Any:
            outputs = model(features=inputs["features"])
            guess = outputs["logits"].argmax(1).float()
            loss = (guess - inputs["labels"]).square().mean() + 0 * outputs["logits"].sum().detach()
            loss.requires_grad_()
            return (loss, outputs) if return_outputs else loss

    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path), report_to=[], use_cpu=True, max_steps=30
    )
    trainer = Own(model=Classifier(), args=arguments, train_dataset=rows_as_mappings())
    result = gradgauge.diagnose(trainer)
    assert result.primary is not None
    assert result.primary.rule == "unreached-layer"


# -- Lightning


def lightning_module(**changes: Any) -> Any:
    lightning = pytest.importorskip("lightning")

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            del batch_idx
            x, y = batch
            loss = nn.functional.cross_entropy(self.net(x), y)
            self.log("loss", loss)
            return {"loss": loss}

        def configure_optimizers(self) -> Any:
            return changes.get("configured", self.optimizers_of)(self)

        @staticmethod
        def optimizers_of(module: Any) -> Any:
            return torch.optim.Adam(module.parameters(), lr=changes.get("lr", 0.02))

    module = Module()
    module.automatic_optimization = changes.get("automatic", True)
    return module


def loader() -> DataLoader[Any]:
    return DataLoader(TensorDataset(*data()), batch_size=32, shuffle=True)


def test_a_lightning_module_trains_by_its_own_step() -> None:
    module = lightning_module()
    result = gradgauge.diagnose(module, loader(), epochs=8)
    assert result.healthy, result
    assert result.verdict == "learned"
    assert result.run is not None
    assert [layer.name for layer in result.run.layers] == ["net.0", "net.2"]


def test_a_lightning_data_module_gives_its_batches() -> None:
    lightning = pytest.importorskip("lightning")

    class Data(lightning.LightningDataModule):
        def train_dataloader(self) -> Any:
            return loader()

    assert gradgauge.diagnose(lightning_module(), Data(), epochs=8).healthy


def test_the_schedule_of_a_lightning_module_steps_as_it_says() -> None:
    def configured(module: Any) -> Any:
        optimizer = torch.optim.SGD(module.parameters(), lr=0.05)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.1)
        return [optimizer], [{"scheduler": scheduler, "interval": "step"}]

    result = gradgauge.diagnose(lightning_module(configured=configured), loader(), epochs=8)
    assert result.primary is not None
    assert (result.primary.rule, result.primary.case) == ("learning-rate-too-low", "ends_early")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"automatic": False}, "steps_by_hand"),
        (
            {
                "configured": lambda m: [
                    torch.optim.SGD(m.net[0].parameters(), 0.1),
                    torch.optim.SGD(m.net[2].parameters(), 0.1),
                ]
            },
            "several_optimizers",
        ),
    ],
)
def test_what_steps_by_itself_is_sent_to_watching(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(CannotDiagnose) as raised:
        gradgauge.diagnose(lightning_module(**changes), loader())
    assert raised.value.reason == reason
    assert "watch" in raised.value.sentence("en")
