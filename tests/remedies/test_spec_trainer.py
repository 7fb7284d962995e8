"""The engine as a trainer: what is trained is what `compare` trains; LSUV and centring do as said."""

from __future__ import annotations

import numpy as np

import gradgauge as gg
from gradgauge.engine.build import initial_parameters
from gradgauge.remedies.known.lsuv import unit_variance
from gradgauge.remedies.spec.forward import outputs_of
from gradgauge.remedies.spec.trainer import SpecTrainer
from gradgauge.remedies.trainer import CONTROL, REMEDY, Candidate, Dose, Task

TRAINING = gg.TrainingSpec(epochs=2, batch_size=20)


def trainer(blobs, notation="12-8x3-3 sigmoid", **fields) -> SpecTrainer:
    return SpecTrainer(gg.parse(notation), TRAINING.replace(**fields), blobs)


def test_control_is_the_training_of_compare_on_half_of_the_test_rows(blobs):
    """Limits on gradients and warm-ups that do nothing change no figure."""
    ours = trainer(blobs, "12-8x3-3 relu")
    outcome = ours.train(Task([Candidate(CONTROL)], [0, 1], 1.0, "confirm")).outcomes[0]
    data = ours.held_out("confirm", standardized=False)
    theirs = gg.compare("12-8x3-3 relu", dataset=data, epochs=2, batch_size=20, seeds=2)
    expected = theirs.to_json()["networks"][0]["test_accuracy"]["values"]
    assert np.allclose(outcome.scores, expected)


def test_screening_and_confirming_rows_have_nothing_in_common(blobs):
    ours = trainer(blobs)
    screen, confirm = (ours.held_out(rows, standardized=False) for rows in ("screen", "confirm"))
    rows = {tuple(row) for row in screen.x_test}
    assert not rows & {tuple(row) for row in confirm.x_test}
    assert len(screen.x_test) == len(confirm.x_test) == len(blobs.x_test) // 2
    assert screen.x_train is blobs.x_train


def test_lsuv_gives_every_layer_unit_variance(blobs):
    network = gg.parse("12-8x5-3 relu")
    params = unit_variance(network, initial_parameters(network, 0), blobs.x_train)
    weights = [w for block in params for w in block["weight"]]
    stream = blobs.x_train
    for weight in weights:
        z = stream @ weight
        assert np.isclose(z.std(), 1)
        gram = weight.T @ weight if weight.shape[0] >= weight.shape[1] else weight @ weight.T
        assert np.allclose(gram, gram[0, 0] * np.eye(len(gram)), atol=1e-9)
        stream = np.maximum(z, 0)


def test_gain_and_centring_takes_the_means_out(blobs):
    ours = trainer(blobs, "12-64x6-3 sigmoid")
    case = ours.treated(Candidate(REMEDY, (Dose("gain_and_centring"),)))
    params = initial_parameters(case.network, 0)
    adjust = case.adjust(blobs.x_train)
    assert adjust is not None
    plain = outputs_of(case.network, params, blobs.x_train)
    cured = outputs_of(case.network, adjust(params), blobs.x_train)
    assert cured.std(axis=0).mean() > 100 * plain.std(axis=0).mean()


def test_a_whole_trial_on_blobs_repairs_a_deep_sigmoid(blobs, tmp_path):
    """End to end, the engine included; again from the store without training anything."""
    options = {"dataset": blobs, "epochs": 4, "batch_size": 20, "out": tmp_path, "budget": 10}
    result = gg.remedy("12-16x8-3 sigmoid", **options)
    assert "vanishing-gradient" in result.findings["before"]
    assert result.verdict in ("repaired", "as-good-as-random-search")
    assert result.winning is not None
    assert result.winning.over_control.decided
    assert result.winning.mean > 0.9
    assert result.apply().network.inputs == 12
    again = gg.remedy("12-16x8-3 sigmoid", **options)
    assert [a.values for a in again.arms] == [a.values for a in result.arms]
    assert again.to_json()["winner"] == result.to_json()["winner"]


def test_a_network_that_learns_is_left_alone(blobs):
    result = gg.remedy("12-16-3 tanh", dataset=blobs, epochs=10, batch_size=20, learning_rate=0.01)
    assert (result.verdict, result.patch, result.arms) == ("nothing-to-repair", None, [])
