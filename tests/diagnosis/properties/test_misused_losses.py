"""What a loss does with outputs that no values excuse: broken, mended, and odd but sound."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as nnf  # noqa: E402

from gradgauge.diagnosis.facts import Loss  # noqa: E402
from gradgauge.diagnosis.finding import FAULT  # noqa: E402
from gradgauge.diagnosis.properties.answers import Properties  # noqa: E402
from gradgauge.diagnosis.properties.beyond import rewards_beyond_targets  # noqa: E402
from gradgauge.diagnosis.rules import BY_NAME, ask  # noqa: E402
from gradgauge.diagnosis.trainees.keras.experiment import KerasExperiment  # noqa: E402
from tests.diagnosis.made import evidence, head  # noqa: E402
from tests.diagnosis.properties.torch_models import (  # noqa: E402
    CLASSES,
    FEATURES,
    ROWS,
    Calls,
    batches,
    net,
)
from tests.diagnosis.properties.torch_models import ask as properties_of  # noqa: E402


def cases(calls: Any) -> list[tuple[str, str]]:
    """Findings of loss-mismatch about a loss of the user's own that makes these calls."""
    own = head(loss=Loss("other", "loss"), activation="", after=None)
    changed = dataclasses.replace(evidence(), heads=(own,), properties=Properties(calls=calls))
    found, _ = ask(BY_NAME["loss-mismatch"], changed)
    for finding in found:
        assert all("{" not in finding.sentence(lang) for lang in ("en", "ko"))
        assert finding.advice("en") and finding.advice("ko")
    return [(f.case, f.severity) for f in found]


def told(model: Any, loss: Callable[..., Any], y: Any, x: Any = None) -> list[str]:
    """What is found of a training with these targets."""
    return [case for case, _ in cases(properties_of(model, loss, batches(x, y)).calls)]


def labels(*shape: int, classes: int = CLASSES) -> Any:
    return torch.randint(0, classes, shape, generator=torch.Generator().manual_seed(1))


def images() -> tuple[Any, Any]:
    """Scores of each pixel, (n, classes, 4, 8), and what they are made of."""
    model = Calls(lambda self, x: self.conv(x), conv=nn.Conv2d(1, CLASSES, 3, padding=1))
    return model, torch.randn(ROWS, 1, 4, 8, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize(
    ("arranged", "case"),
    [
        (lambda out, y: (out.reshape(-1, CLASSES), y.reshape(-1)), "classes_scattered"),
        (
            lambda out, y: (out.view(len(out), -1, CLASSES).transpose(1, 2), y.flatten(1)),
            "classes_scattered",
        ),
        (lambda out, y: (out.permute(0, 2, 3, 1).reshape(-1, CLASSES), y.reshape(-1)), None),
        (lambda out, y: (out.flatten(2), y.flatten(1)), None),
        (lambda out, y: (out, y), None),
        (lambda out, y: (2 * out.movedim(1, -1).reshape(-1, CLASSES), y.reshape(-1)), None),
    ],
)
def test_scores_of_one_target_come_from_one_place(arranged: Any, case: str | None):
    model, x = images()
    found = told(model, lambda out, y: nnf.cross_entropy(*arranged(out, y)), labels(ROWS, 4, 8), x)
    assert found == ([case] if case else [])


@pytest.mark.parametrize("steps", [CLASSES, 6])
def test_sequences_and_several_answers_in_one_row_are_in_their_places(steps: int):
    words = Calls(lambda self, x: self.head(x), head=nn.Linear(FEATURES, CLASSES))
    x = torch.randn(ROWS, steps, FEATURES, generator=torch.Generator().manual_seed(3))

    def of_words(out: Any, y: Any) -> Any:
        return nnf.cross_entropy(out.view(-1, CLASSES), y.view(-1))

    assert told(words, of_words, labels(ROWS, steps), x) == []
    assert told(words, lambda out, y: nnf.cross_entropy(out.mT, y), labels(ROWS, steps), x) == []
    several = net(steps * CLASSES)
    assert told(several, of_words, labels(ROWS, steps)) == []


@pytest.mark.parametrize(
    ("loss", "case"),
    [
        (lambda out, y: ((out.softmax(1) - y[:, None]) ** 2).mean(), "class_numbers"),
        (lambda out, y: nnf.smooth_l1_loss(out, y[:, None].float().expand(-1, 1)), "class_numbers"),
        (lambda out, y: ((out.softmax(1) - nnf.one_hot(y, CLASSES)) ** 2).mean(), None),
        (
            lambda out, y: ((out.cumsum(1) - (torch.arange(4) >= y[:, None]).float()) ** 2).sum(),
            None,
        ),
        (lambda out, y: (out.softmax(1) * (torch.arange(4) - y[:, None]) ** 2).sum(1).mean(), None),
        (lambda out, y: ((out - (0.1 * y)[:, None]).abs() + out).mean(), None),
    ],
)
def test_numbers_of_classes_are_no_amounts(loss: Any, case: str | None):
    assert told(net(), loss, labels(ROWS)) == ([case] if case else [])


def test_quantiles_of_a_real_amount_broadcast_by_intent():
    y = torch.rand(ROWS, 1, generator=torch.Generator().manual_seed(4))
    assert told(net(), lambda out, y: torch.relu(out - y).mean() + 0 * out.sum(), y) == []


@pytest.mark.parametrize(
    ("last", "loss", "case"),
    [
        (nn.Softplus(), nn.PoissonNLLLoss(), "rates_as_logs"),
        (nn.ReLU(), nnf.poisson_nll_loss, "rates_as_logs"),
        (nn.Softplus(), nn.PoissonNLLLoss(log_input=False), None),
        (nn.Identity(), nn.PoissonNLLLoss(), None),
        (nn.Softplus(), lambda out, y: nnf.poisson_nll_loss(out.log(), y), None),
        (nn.Identity(), lambda out, y: nnf.poisson_nll_loss(out, y, False), "logs_as_rates"),
    ],
)
def test_rates_and_their_logarithms(last: Any, loss: Any, case: str | None):
    counts = labels(ROWS, 1).float()
    assert told(net(1, last), loss, counts) == ([case] if case else [])


def test_ctc_takes_logarithms_of_probabilities():
    model = Calls(lambda self, x: self.head(x), head=nn.Linear(FEATURES, CLASSES))
    x = torch.randn(ROWS, 6, FEATURES, generator=torch.Generator().manual_seed(5))

    def ctc(given: Callable[[Any], Any]) -> Callable[..., Any]:
        def loss(out: Any, y: Any) -> Any:
            n = len(y)
            return nnf.ctc_loss(
                given(out).transpose(0, 1), y, torch.full((n,), 6), torch.full((n,), 2)
            )

        return loss

    y = 1 + labels(ROWS, 2, classes=CLASSES - 1)
    assert told(model, ctc(lambda out: out), y, x) == ["logits_as_logs"]
    assert told(model, ctc(lambda out: out.softmax(-1)), y, x) == ["probabilities_as_logs"]
    assert told(model, ctc(lambda out: out.log_softmax(-1)), y, x) == []


def dice(p: Any, y: Any) -> Any:
    """One less Soerensen's overlap; 0 where both are the same mask."""
    return 1 - (2 * (p * y).sum() + 1) / (p.sum() + y.sum() + 1)


def jaccard(p: Any, y: Any) -> Any:
    return 1 - ((p * y).sum() + 1e-6) / ((p + y - p * y).sum() + 1e-6)


@pytest.mark.parametrize(
    ("loss", "case"),
    [
        (dice, "beyond_targets"),
        (jaccard, "beyond_targets"),
        (lambda out, y: dice(out.sigmoid(), y), None),
        (lambda out, y: jaccard(out.sigmoid(), y), None),
        (lambda out, y: ((out - y) ** 2).mean(), None),
        (lambda out, y: (out - y).abs().mean().sqrt(), None),
        (lambda out, y: (nnf.softplus(out) - y * out).mean() + (out**2).mean(), None),
        (lambda out, y: (1 - (2 * y - 1) * out).clamp(min=0).mean(), None),
    ],
)
def test_overlaps_of_bare_outputs_go_on_beyond_the_targets(loss: Any, case: str | None):
    masks = (labels(ROWS, CLASSES) > 1).float()
    assert told(net(), loss, masks) == ([case] if case else [])
    assert told(net(CLASSES, nn.Sigmoid()), loss, masks) == []


def test_overlaps_in_keras():
    x = np.random.default_rng(0).normal(size=(32, 5)).astype(np.float32)
    y = (x[:, :3] > 0).astype(np.float32)

    def one_less_overlap(y_true: Any, y_pred: Any) -> Any:
        both, either = keras.ops.sum(y_true * y_pred), keras.ops.sum(y_true + y_pred)
        return 1 - (2 * both + 1) / (either + 1)

    for last, wrong in ((None, ["beyond_targets"]), ("sigmoid", [])):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, last)])
        model.compile("adam", one_less_overlap)
        calls = KerasExperiment(model, x, y).calls()
        assert [c.wrong for c in calls if c.wrong] == wrong
        assert all(severity == FAULT for _, severity in cases(calls))


def test_beyond_targets_needs_masks_and_outputs_without_a_bound():
    y = np.eye(4, dtype=np.float32)
    out = np.linspace(-1, 2, 16, dtype=np.float32).reshape(4, 4)
    assert rewards_beyond_targets(lambda given: float(dice(given, y)), out, y)
    inside = np.clip(out, 0, 1)
    assert not rewards_beyond_targets(lambda given: float(dice(given, y)), inside, y)
    assert not rewards_beyond_targets(lambda given: float(dice(given, 3 * y)), out, 3 * y)


@pytest.mark.parametrize(("axis", "case"), [(1, "normalized_elsewhere"), (2, None)])
def test_probabilities_are_those_of_classes(axis: int, case: str | None):
    words = Calls(lambda self, x: self.head(x), head=nn.Linear(FEATURES, CLASSES))
    x = torch.randn(ROWS, 6, FEATURES, generator=torch.Generator().manual_seed(3))

    def loss(out: Any, y: Any) -> Any:
        return nnf.nll_loss(out.log_softmax(axis).transpose(1, 2), y)

    assert told(words, loss, labels(ROWS, 6), x) == ([case] if case else [])


@pytest.mark.parametrize(
    ("diagonal", "shift", "case"),
    [(None, 1, "selves_among_others"), (-1e9, 1, None), (None, 0, None), (0.0, 1, None)],
)
def test_a_row_is_not_among_those_that_it_is_to_find_another_of(
    diagonal: float | None, shift: int, case: str | None
):
    def loss(out: Any, y: Any) -> Any:
        del y
        z = nnf.normalize(out, dim=1)
        alike = z @ z.T / 0.2
        if diagonal is not None:
            alike = alike.masked_fill(torch.eye(len(z), dtype=torch.bool), diagonal)
        return nnf.cross_entropy(alike, torch.arange(len(z)).roll(shift))

    assert told(net(), loss, labels(ROWS)) == ([case] if case else [])
