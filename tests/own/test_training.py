"""A network of somebody's own is trained as its framework's ordinary loop trains it."""

from __future__ import annotations

import jax
import numpy as np
import optax
import pytest
import torch

from gradgauge.engine.build import SHUFFLES, generator
from gradgauge.own.data import given_data
from gradgauge.own.errors import OwnProblem
from gradgauge.own.states import kept_states, seed_all
from gradgauge.own.train import Schedule, network_of, train_network
from tests.own.functions import INPUTS, MAKERS, make_jax, make_keras, make_pytorch, points

EPOCHS, BATCH, SEED = 2, 50, 3


def trained(make, **options):
    x, y = points()
    data = given_data(x, y, (x[:60], y[:60]))
    schedule = Schedule(EPOCHS, BATCH, options.pop("seeds", (SEED,)))
    return train_network(network_of(make.__name__, make, data), schedule).run


def batches():
    """The order that every network with this seed sees, written out."""
    x, y = points()
    rng = generator(SEED, SHUFFLES)
    for _ in range(EPOCHS):
        order = rng.permutation(len(y))
        for at in range(0, len(y), BATCH):
            yield x[order[at : at + BATCH]], y[order[at : at + BATCH]]


def by_hand_pytorch():
    seed_all(SEED)
    optimizer, model, loss = make_pytorch()
    seed_all(SEED)
    for x, y in batches():
        optimizer.zero_grad()
        loss(model(torch.as_tensor(x)), torch.as_tensor(y)).backward()
        optimizer.step()
    model.eval()
    x, y = points()
    with torch.no_grad():
        out = model(torch.as_tensor(x[:60]))
        return float(loss(out, torch.as_tensor(y[:60]))), out.numpy()


def by_hand_keras():
    seed_all(SEED)
    model = make_keras()
    for x, y in batches():
        model.train_on_batch(x, y)
    x, y = points()
    out = np.asarray(model.predict(x[:60], verbose=0))
    return float(model.evaluate(x[:60], y[:60], verbose=0)[0]), out


def by_hand_jax():
    loss, params, predict, optimizer = make_jax(SEED)
    state = optimizer.init(params)
    for x, y in batches():
        updates, state = optimizer.update(jax.grad(loss)(params, x, y), state)
        params = optax.apply_updates(params, updates)
    x, y = points()
    return float(loss(params, x[:60], y[:60])), np.asarray(predict(params, x[:60]))


@pytest.mark.parametrize("framework", MAKERS)
def test_as_the_ordinary_loop(framework):
    run = trained(MAKERS[framework])
    by_hand = {"pytorch": by_hand_pytorch, "keras": by_hand_keras, "jax": by_hand_jax}
    with kept_states():
        loss, out = by_hand[framework]()
    assert run.figure("test_loss")[0] == pytest.approx(loss, rel=1e-5)
    assert run.figure("test_accuracy")[0] == pytest.approx(
        np.mean(out.argmax(1) == points()[1][:60])
    )
    assert run.figure("steps_done")[0] == EPOCHS * 5
    assert np.isfinite(run.values("probes", "delta_norm")[0, [0, -1]]).all()
    assert run.groups["probes"].coords["probe_step"][[0, -1]].tolist() == [0, EPOCHS * 5]
    assert np.isfinite(run.values("epochs", "loss")).all()


@pytest.mark.parametrize("framework", MAKERS)
def test_seeds_have_other_weights_and_repeat(framework):
    run = trained(MAKERS[framework], seeds=(0, 1))
    again = trained(MAKERS[framework], seeds=(1,))
    start = run.values("probes", "weight_norm")[:, 0]
    assert not np.allclose(start[0], start[1])
    assert np.array_equal(start[1], again.values("probes", "weight_norm")[0, 0])
    assert run.figure("test_loss")[1] == again.figure("test_loss")[0]
    assert run.seeds == [0, 1]
    assert [layer.name for layer in run.layers] == [layer.name for layer in again.layers]


def test_what_a_loss_reads_from_outside_is_read_anew_by_every_training():
    factor = [1.0]

    def loss(params, x, y):
        return factor[0] * jax.numpy.square(x @ params["w"] - y[:, None]).mean()

    def make():
        return loss, {"w": jax.numpy.zeros((INPUTS, 1))}

    first = trained(make)
    factor[0] = 0.0
    assert first.figure("test_loss")[0] > 0
    assert trained(make).figure("test_loss")[0] == 0


def test_a_parameter_called_seed_is_given_it():
    run = trained(make_jax, seeds=(0, 5))
    norms = [np.linalg.norm(make_jax(seed)[1]["first"]) for seed in (0, 5)]
    assert run.values("probes", "weight_norm")[:, 0, 0] == pytest.approx(norms, rel=1e-6)


def test_the_same_weights_for_every_seed_are_told():
    def make_fixed():
        return make_jax(0)

    with pytest.warns(UserWarning, match="make_fixed"):
        trained(make_fixed, seeds=(0, 1))


def test_one_and_the_same_model_is_refused_before_it_is_trained():
    optimizer, model, loss = make_pytorch()
    before = [p.detach().clone() for p in model.parameters()]
    with pytest.raises(OwnProblem) as caught:
        trained(lambda: (optimizer, model, loss))
    assert caught.value.reason == "same_model"
    assert all(map(torch.equal, before, model.parameters()))


def test_what_breaks_off_has_no_figures_and_says_where():
    def make_exploding(seed):
        loss, params, predict, _ = make_jax(seed)
        return loss, params, predict, optax.sgd(3e38)

    run = trained(make_exploding)
    assert np.isnan(run.figure("test_loss")).all() and np.isnan(run.figure("test_accuracy")).all()
    assert run.figure("non_finite_step")[0] > 0


def test_a_network_that_does_not_take_the_data():
    x, y = points()
    with pytest.raises(OwnProblem) as caught:
        network_of("make_pytorch", make_pytorch, given_data(x[:, :4], y))
    assert caught.value.reason == "wrong_shape"
    assert "(n, 4)" in str(caught.value)
