"""Remedies on models of one's own: the lines of the patch are run, the model trains on, and what
was given stays as it was."""

from __future__ import annotations

import copy
import itertools

import jax
import jax.numpy as jnp
import keras
import numpy as np
import optax
import pytest
import torch
from torch import nn

from gradgauge.own.data import given_data
from gradgauge.own.loops import loop_of
from gradgauge.own.score import accuracy
from gradgauge.own.states import kept_states, seed_all
from gradgauge.remedies.known import BY_KEY, REMEDIES
from gradgauge.remedies.own.target import target_of
from gradgauge.remedies.own.trainer import OwnTrainer
from gradgauge.remedies.patch import patch_text
from gradgauge.remedies.remedy import DATA, GRAPH, MODULE
from gradgauge.remedies.trainer import CONTROL, REMEDY, Candidate, CannotApply, Dose, Task
from gradgauge.spec.training import TrainingSpec

WIDTH, INPUTS, CLASSES = 8, 6, 3
TRAINING = TrainingSpec(epochs=1, batch_size=40)


def points():
    rng = np.random.default_rng(3)
    y = np.arange(240) % CLASSES
    return (3 * rng.normal(size=(CLASSES, INPUTS))[y] + rng.normal(size=(240, INPUTS))), y


def make_keras():
    hidden = [keras.layers.Dense(WIDTH, activation="sigmoid") for _ in range(5)]
    model = keras.Sequential(
        [keras.Input((INPUTS,)), *hidden, keras.layers.Dense(CLASSES, activation="softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def make_pytorch():
    widths = [INPUTS, *[WIDTH] * 5]
    parts = [
        part for m, n in itertools.pairwise(widths) for part in (nn.Linear(m, n), nn.Sigmoid())
    ]
    model = nn.Sequential(*parts, nn.Linear(WIDTH, CLASSES))
    return model, nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), 1e-2)


def make_jax(seed):
    widths = [INPUTS, *[WIDTH] * 5, CLASSES]
    keys = jax.random.split(jax.random.key(seed), len(widths))
    params = [
        {"weight": jax.random.normal(k, (m, n)) / m**0.5, "bias": jnp.full(n, 0.1)}
        for k, m, n in zip(keys, widths, widths[1:], strict=False)
    ]

    def predict(params, x):
        for layer in params[:-1]:
            x = jax.nn.sigmoid(x @ layer["weight"] + layer["bias"])
        return x @ params[-1]["weight"] + params[-1]["bias"]

    def loss(params, x, y):
        return optax.softmax_cross_entropy_with_integer_labels(predict(params, x), y).mean()

    return loss, params, predict, optax.adam(1e-2)


MAKERS = {"keras": make_keras, "pytorch": make_pytorch, "jax": make_jax}
NOT_HERE = {
    "keras": {"slower_decay", "bias_zero", "no_dropout", "larger_epsilon", "metainit"},
    "pytorch": {"slower_decay", "no_dropout", "larger_epsilon"},
    "jax": {
        *(r.key for r in REMEDIES if r.reach in (MODULE, GRAPH)),
        *("slower_decay", "gain_and_centring", "lsuv", "positive_bias"),
    },
}
"""Remedies that cannot be applied to such a network: a constant rate has no decay, a loss function
hides its activation, biases of .1 are so already, Keras has no second derivatives."""
ELSEWHERE = {
    "fewer_layers",
    "rates_alike",
    "revive_units",
    "forget_bias",
    "orthogonal_init",
    "gated_cell",
}
TRIED = [r for r in REMEDIES if r.patch and not r.certain and r.key not in ELSEWHERE]


@pytest.fixture(scope="module")
def trainers():
    found = {}

    def of(framework):
        if framework not in found:
            target = target_of(MAKERS[framework], given_data(*points()), TRAINING)
            found[framework] = OwnTrainer(target)
        return found[framework]

    return of


@pytest.mark.parametrize("remedy", TRIED, ids=lambda r: r.key)
@pytest.mark.parametrize("framework", MAKERS)
def test_every_remedy_is_applied_or_says_why_not(trainers, framework, remedy):
    trainer = trainers(framework)
    why = trainer.applies(Dose(remedy.key))
    if remedy.key in NOT_HERE[framework]:
        assert isinstance(why, CannotApply)
    else:
        assert why is None, (why.reason, why.facts)


@pytest.mark.parametrize(
    ("framework", "keys"),
    [
        ("keras", ("gain_and_centring",)),
        ("keras", ("relu_instead", "clip_gradients")),
        ("pytorch", ("gain_and_centring", "scale_inputs")),
        ("pytorch", ("layer_norm",)),
        ("pytorch", ("warm_up", "clip_gradients")),
        ("jax", ("critical_scale", "scale_inputs")),
        ("jax", ("clip_gradients", "adam_instead")),
    ],
)
def test_it_trains_and_is_scored_seed_by_seed(trainers, framework, keys):
    trainer = trainers(framework)
    candidate = Candidate(REMEDY, tuple(map(Dose, keys)), 0.5)
    (control, treated) = trainer.train(
        Task([Candidate(CONTROL), candidate], (5, 6), 1.0, "confirm")
    ).outcomes
    again = trainer.train(Task([candidate], (6,), 1.0, "confirm")).outcomes[0]
    assert treated.scores[1] == again.scores[0]
    assert len(control.scores) == 2 and all(0 <= s <= 1 for s in treated.scores)
    assert treated.samples == 2 * 5 * 40 and treated.seconds_per_step > 0
    assert len(treated.curve) == 2 and treated.signal["delta_norm"]


def test_the_cure_of_the_sigmoid_works():
    """Weights alone bring back what ten sigmoid layers lose, in the user's own framework."""

    def make_deep():
        widths = [INPUTS, *[32] * 8]
        parts = [p for m, n in itertools.pairwise(widths) for p in (nn.Linear(m, n), nn.Sigmoid())]
        model = nn.Sequential(*parts, nn.Linear(32, CLASSES))
        return model, nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), 3e-3)

    training = TRAINING.replace(epochs=8, batch_size=20)
    trainer = OwnTrainer(target_of(make_deep, given_data(*points()), training))
    assert trainer.activation == "sigmoid"
    cure = Candidate(REMEDY, (Dose("gain_and_centring"),))
    control, cured = trainer.train(Task([Candidate(CONTROL), cure], (0, 1), 1.0, "screen")).outcomes
    assert max(control.scores) < 0.6 < 0.9 < min(cured.scores)


def test_a_model_that_is_given_stays_as_it_was_and_keeps_its_weights():
    model, loss, optimizer = make_pytorch()
    x, y = points()
    loss(model(torch.as_tensor(x, dtype=torch.float32)), torch.as_tensor(y)).backward()
    optimizer.step()
    kept = copy.deepcopy((model.state_dict(), optimizer.state_dict()))
    random = torch.get_rng_state()
    trainer = OwnTrainer(target_of((model, loss, optimizer), given_data(x, y), TRAINING))
    assert not trainer.fresh and trainer.target == "Sequential"
    candidates = [Candidate(CONTROL), Candidate(REMEDY, (Dose("relu_instead"),))]
    trainer.train(Task(candidates, (0, 1), 1.0, "screen"))
    with pytest.raises(RuntimeError, match="mine"):
        trainer.train(Task(candidates, (0,), 1.0, "screen"), on_progress=_raise)
    assert trainer.train(Task(candidates, (0,), 1.0, "screen"), on_progress=_interrupt).interrupted
    assert not any(m._forward_hooks or m._backward_hooks for m in model.modules())
    assert all(m.training for m in model.modules())
    for one, other in zip(kept, (model.state_dict(), optimizer.state_dict()), strict=True):
        assert str(one) == str(other)
    assert torch.equal(random, torch.get_rng_state())
    assert [type(m).__name__ for m in model][1] == "Sigmoid"


def _interrupt(*_):
    raise KeyboardInterrupt


def _raise(*_):
    raise RuntimeError("mine")


def test_a_compiled_keras_model_is_copied_with_its_optimizer():
    model = make_keras()
    x, y = points()
    model.fit(x, y, epochs=1, verbose=0)
    before = [np.asarray(v) for v in [*model.variables, *model.optimizer.variables]]
    trainer = OwnTrainer(target_of(model, given_data(x, y), TRAINING))
    outcome = trainer.train(Task([Candidate(CONTROL)], (0,), 1.0, "screen")).outcomes[0]
    after = [np.asarray(v) for v in [*model.variables, *model.optimizer.variables]]
    assert all(map(np.array_equal, before, after))
    assert 0 <= outcome.scores[0] <= 1


def test_apply_gives_what_was_trained():
    model, loss, optimizer = make_pytorch()
    x, y = points()
    data = given_data(x, y)
    trainer = OwnTrainer(target_of((model, loss, optimizer), data, TRAINING))
    treated, _, new = trainer.apply(Candidate(REMEDY, (Dose("layer_norm"),)))
    assert sum(isinstance(m, nn.LayerNorm) for m in treated.modules()) == 5
    known = {id(p) for group in new.param_groups for p in group["params"]}
    assert {id(p) for p in treated.parameters()} == known
    assert not any(isinstance(m, nn.LayerNorm) for m in model.modules())


def test_the_patch_is_written_into_a_program_and_trains():
    """The lines as they are printed, in the user's own program, as the trainer runs them."""
    x, y = points()
    remedy = BY_KEY["gain_and_centring"]
    with kept_states():
        torch.manual_seed(0)
        model, loss, optimizer = make_pytorch()
        program = {"torch": torch, "model": model, "x": torch.as_tensor(x, dtype=torch.float32)}
        exec(remedy.lines("pytorch", remedy.knob.usual, "sigmoid"), program)
        inputs, labels = program["x"], torch.as_tensor(y)
        for _ in range(150):
            optimizer.zero_grad()
            loss(program["model"](inputs), labels).backward()
            optimizer.step()
        found = accuracy(program["model"](inputs).detach().numpy(), y)
    assert found > 0.9


def test_a_remedy_that_changes_nothing_is_not_applied():
    def make_relu():
        model = nn.Sequential(nn.Linear(INPUTS, WIDTH), nn.ReLU(), nn.Linear(WIDTH, CLASSES))
        return model, nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters())

    class Hidden(nn.Module):
        def __init__(self):
            super().__init__()
            self.one = nn.Parameter(torch.randn(INPUTS, CLASSES))

        def forward(self, x):
            return torch.sigmoid(x @ self.one)

    def make_hidden():
        model = Hidden()
        return model, nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters())

    data = given_data(*points())
    trainer = OwnTrainer(target_of(make_hidden, data, TRAINING))
    for key in ("tanh_instead", "he_init"):
        why = trainer.applies(Dose(key))
        assert why is not None and why.reason == "no_effect"
    assert OwnTrainer(target_of(make_relu, data, TRAINING)).applies(Dose("tanh_instead")) is None
    assert BY_KEY["scale_inputs"].reach == DATA
    with kept_states():
        assert loop_of(trainer._treated(Candidate(CONTROL), 0).made).facts().parameters == 18


def make_scheduled():
    model = make_keras()
    schedule = keras.optimizers.schedules.CosineDecay(1e-3, 5)
    model.compile(keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy")
    return model


def test_a_schedule_is_scaled_and_can_be_slower():
    """What a trial draws at random has any rate, beside any schedule."""
    trainer = OwnTrainer(target_of(make_scheduled, given_data(*points()), TRAINING))
    faster = trainer.apply(Candidate(CONTROL, (), 3.0)).optimizer._learning_rate
    own = keras.optimizers.schedules.CosineDecay(1e-3, 5)
    assert [float(faster(s)) for s in (0, 2, 9)] == pytest.approx(
        [3 * float(own(s)) for s in (0, 2, 9)]
    )
    slower = trainer.apply(Candidate(REMEDY, (Dose("slower_decay"),))).optimizer
    assert float(np.asarray(slower.learning_rate)) == pytest.approx(1e-3)
    assert trainer.scales_rate
    candidate = Candidate(CONTROL, (), 3.0)
    program = {"keras": keras, "model": make_scheduled()}
    exec(patch_text(candidate, 1.0, "keras", "", "en", scales_rate=True), program)
    assert float(program["model"].optimizer._learning_rate(2)) == pytest.approx(3 * float(own(2)))


@pytest.mark.parametrize("framework", ["keras", "pytorch"])
def test_a_warm_up_to_another_rate_is_trained_and_written_in_that_order(trainers, framework):
    trainer = trainers(framework)
    assert not trainer.scales_rate
    candidate = Candidate(REMEDY, (Dose("warm_up", 0.5),), 0.5)
    outcome = trainer.train(Task([candidate], (0,), 1.0, "screen")).outcomes[0]
    assert 0 <= outcome.scores[0] <= 1
    rate = trainer.rate_of(candidate)
    assert rate == pytest.approx(0.5 * trainer.learning_rate)
    lines = patch_text(candidate, rate, framework, "sigmoid", "en")
    assert lines.index(f"= {rate:.3g}") < lines.index("warm")


def test_rates_that_an_optimizer_of_optax_hides_are_scaled_whichever_it_is(trainers):
    """In the trial and in the patch: nobody knows the rate, or that it is Adam's."""
    trainer = trainers("jax")
    assert trainer.scales_rate
    warm = Candidate(REMEDY, (Dose("warm_up", 0.5),), 3.0)
    params, optimizer = trainer.apply(warm)
    gradients, own = jax.tree.map(jnp.ones_like, params), optax.sgd(0.1)
    program = {"optax": optax, "optimizer": own, "steps": 10}
    lines = patch_text(warm, trainer.rate_of(warm), "jax", "", "en", scales_rate=True)
    exec(lines, program)
    state, updates = program["optimizer"].init(params), []
    for _ in range(6):
        made, state = program["optimizer"].update(gradients, state, params)
        updates.append(-float(jax.tree.leaves(made)[0].ravel()[0]))
    assert updates == pytest.approx([0.3 * k / 5 for k in range(6)])
    state = optimizer.init(params)
    for due in (0.0, 3e-2 / 2):  # Adam at 0.01, two of five steps to warm up.
        made, state = optimizer.update(gradients, state, params)
        assert -float(jax.tree.leaves(made)[0].ravel()[0]) == pytest.approx(due, rel=1e-4)


def test_a_seed_at_which_a_remedy_meets_nothing_is_trained_as_it_is():
    def make(seed):
        first = nn.Linear(INPUTS, WIDTH)
        model = nn.Sequential(first, nn.ReLU(), nn.Linear(WIDTH, CLASSES))
        with torch.no_grad():
            first.bias.fill_(-1e3 if seed == 0 else 1.0)
        return model, nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters())

    trainer = OwnTrainer(target_of(make, given_data(*points()), TRAINING))
    revived = Candidate(REMEDY, (Dose("revive_units"),))
    control, treated = trainer.train(
        Task([Candidate(CONTROL), revived], (0, 1), 1.0, "screen")
    ).outcomes
    assert treated.scores[1] == control.scores[1]


def test_a_keras_model_that_has_trained_serves_the_next_training_as_a_new_one_would(monkeypatch):
    """Number by number, whatever trained in it before: with dropout, other rates and weights."""
    layers = [keras.layers.Dense(6, activation="relu"), keras.layers.Dropout(0.3)]
    model = keras.Sequential([keras.Input((INPUTS,)), *layers, keras.layers.Dense(CLASSES)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    x, y = points()
    training = TrainingSpec(epochs=2, batch_size=32)
    candidates = [
        *(Candidate(CONTROL), Candidate("rates", (), 3.0), Candidate(REMEDY, (Dose("he_init"),))),
        Candidate(REMEDY, (Dose("no_dropout"),)),
    ]

    def weights(trainer):
        found = []
        for candidate in candidates:
            for seed in (0, 1):
                with kept_states():
                    site = trainer._treated_at(candidate, seed)
                    kept = trainer._models
                    made = (
                        site.made.model
                        if kept is None
                        else kept.like(site.made.model, candidate.doses)
                    )
                    site.made.model = made
                    seed_all(seed)
                    loop = loop_of(site.made)
                    loop.train(trainer._batches(site.data, seed, 2))
                    found.append(np.concatenate([w.ravel() for w in loop.weights()]))
        return found

    trainer = OwnTrainer(target_of(model, given_data(x, y), training))
    again = weights(trainer)
    assert len(trainer._models._kept) == 2
    anew = OwnTrainer(target_of(model, given_data(x, y), training))
    monkeypatch.setattr(OwnTrainer, "_models", None)
    for one, other in zip(again, weights(anew), strict=True):
        np.testing.assert_array_equal(one, other)
