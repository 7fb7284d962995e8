"""TrainingSpec: the exercise's defaults, and what it refuses."""

from __future__ import annotations

import pytest

from gradgauge.errors import InvalidValue, UnknownName
from gradgauge.spec.training import TrainingSpec


def test_defaults_are_the_exercises() -> None:
    spec = TrainingSpec()
    assert (spec.optimizer, spec.learning_rate) == ("adam", 1e-3)
    assert (spec.batch_size, spec.epochs) == (400, 5)
    assert (spec.loss, spec.dtype, spec.schedule) == ("cross_entropy", "float32", "constant")
    assert (spec.clip_norm, spec.warmup_steps) == (0, 0)


@pytest.mark.parametrize(
    ("field", "value", "named", "requirement"),
    [
        ("learning_rate", 0.0, "learning_rate", "positive"),
        ("learning_rate", -1.0, "learning_rate", "positive"),
        ("learning_rate", float("nan"), "learning_rate", "positive"),
        ("learning_rate", float("inf"), "learning_rate", "positive"),
        ("batch_size", 0, "batch_size", "whole_number"),
        ("batch_size", 1.5, "batch_size", "whole_number"),
        ("epochs", 0, "epochs", "whole_number"),
        ("epochs", 1.5, "epochs", "whole_number"),
        ("seeds", (), "seeds", "whole_number"),
        ("seeds", (-1,), "seed", "whole_number"),
        ("seeds", (2**63,), "seed", "at_most"),
        ("seeds", range(10**12), "seeds", "at_most"),
        ("seeds", (1, 2, 1), "seeds", "distinct"),
        ("epochs", 10**12, "epochs", "at_most"),
        ("warmup_steps", 10**400, "warmup_steps", "at_most"),
        ("momentum", 1.0, "momentum", "fraction"),
        ("momentum", -0.1, "momentum", "fraction"),
        ("weight_decay", -1.0, "weight_decay", "not_negative"),
        ("warmup_steps", -1, "warmup_steps", "whole_number"),
        ("clip_norm", float("inf"), "clip_norm", "not_negative"),
    ],
)
def test_a_value_that_cannot_be_names_its_field(field, value, named, requirement) -> None:
    with pytest.raises(InvalidValue) as caught:
        TrainingSpec(**{field: value})
    assert (caught.value.field, caught.value.requirement) == (named, requirement)
    for lang in ("en", "ko"):
        assert named in caught.value.sentence(lang)


@pytest.mark.parametrize(
    ("field", "value", "nearest"),
    [
        ("optimizer", "addam", "adam"),
        ("loss", "crossentrpy", "cross_entropy"),
        ("schedule", "cosinus", "cosine"),
        ("dtype", "float46", "float64"),
        ("optimizer", b"adam", "adam"),
        ("schedule", ["cosine"], "cosine"),
        ("dtype", 64, None),
        ("loss", True, None),
    ],
)
def test_an_unknown_name_names_the_nearest(field: str, value, nearest: str | None) -> None:
    with pytest.raises(UnknownName) as caught:
        TrainingSpec(**{field: value})
    assert (caught.value.kind, caught.value.nearest) == (field, nearest)


@pytest.mark.parametrize(("samples", "batch", "steps"), [(60_000, 400, 150), (10, 4, 3), (4, 4, 1)])
def test_steps_in_an_epoch(samples: int, batch: int, steps: int) -> None:
    assert TrainingSpec(batch_size=batch).steps_per_epoch(samples) == steps


def test_a_batch_beyond_the_data_is_refused() -> None:
    with pytest.raises(InvalidValue) as caught:
        TrainingSpec(batch_size=11).steps_per_epoch(10)
    assert caught.value.facts == {"samples": 10}
