"""Initial parameters and layer tables."""

from __future__ import annotations

import numpy as np
import pytest

from gradgauge.engine import build
from gradgauge.engine.program_key import Block, blocks_of
from gradgauge.parts.initializers import INITIALIZERS
from gradgauge.spec.notation import parse


def weights_of(text: str, seed: int = 0) -> list[np.ndarray]:
    blocks = build.initial_parameters(parse(text), seed)
    return [weight for block in blocks for weight in block["weight"]]


def test_layers_of_one_shape_form_a_block() -> None:
    network = parse("7-6x3:relu-5x2:tanh-6:relu-4")
    assert blocks_of(network) == (
        Block(7, 6, 1),
        Block(6, 6, 2),
        Block(6, 5, 1),
        Block(5, 5, 1),
        Block(5, 6, 1),
    )
    shapes = [w.shape for w in weights_of("7-6x3:relu-5x2:tanh-6:relu-4")]
    assert shapes == network.shapes


@pytest.mark.parametrize("init", sorted(INITIALIZERS))
def test_weights_are_as_wide_as_their_initializer_says(init: str) -> None:
    for weight in weights_of(f"60-60x4-60 relu init={init} scale=1.5"):
        wanted = 1.5**2 * INITIALIZERS[init].variance(60, 60)
        assert np.mean(weight**2) == pytest.approx(wanted, rel=0.1)


def test_layers_do_not_share_their_draws() -> None:
    flat = [w.ravel() for w in weights_of("40-40x4-40 relu")]
    correlations = np.corrcoef(flat)
    np.testing.assert_allclose(correlations, np.eye(5), atol=0.12)


def test_biases() -> None:
    for text, low, high in (
        ("50-50x9-50 relu", 0, 0),
        ("50-50x9-50 relu bias_std=0.3", 0.27, 0.33),
        ("50-50x9-50 relu init=pytorch", 0.076, 0.087),
    ):
        blocks = build.initial_parameters(parse(text), 0)
        biases = np.concatenate([block["bias"].ravel() for block in blocks])
        # PyTorch's: uniform within 1 / sqrt(50), of deviation 0.1414 / sqrt(3) = 0.0816.
        assert low <= biases.std() <= high


def test_the_seed_decides_and_the_activation_does_not() -> None:
    for one, two, same in (
        (weights_of("8-8x2-3 relu", 4), weights_of("8-8x2-3 relu", 4), True),
        (weights_of("8-8x2-3 relu", 4), weights_of("8-8x2-3 tanh", 4), True),
        (weights_of("8-8x2-3 relu", 4), weights_of("8-8x2-3 relu", 5), False),
    ):
        assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True)) == same


def test_normalizations_begin_as_the_identity() -> None:
    network = parse("8-8x2-3 relu norm=batch")
    hidden = build.initial_parameters(network, 0)[0]
    assert (hidden["gamma"] == 1).all()
    assert (hidden["beta"] == 0).all()
    running = build.initial_running(network)[0]
    assert (running["mean"] == 0).all()
    assert (running["variance"] == 1).all()
    assert "gamma" not in build.initial_parameters(network, 0)[-1]


def column(text: str, name: str) -> list:
    tables = build.layer_tables(parse(text), ("relu", "sigmoid", "tanh"))
    return [value for table in tables for value in getattr(table, name).tolist()]


def test_tables_say_what_distinguishes_layers() -> None:
    text = "7-6x2:relu-6:sigmoid-6:tanh-4"
    assert column(text, "activation") == [0, 0, 1, 2]
    assert column(text, "max_slope") == [1, 1, 0.25, 1]
    assert column(text, "saturates") == [False, False, True, True]


@pytest.mark.parametrize(
    ("skip", "opens", "joins"),
    [
        (0, "00000", "00000"),
        (1, "11111", "01111"),
        (2, "10101", "00101"),
        (3, "10010", "00010"),
        (9, "10000", "00000"),
    ],
)
def test_skips_open_and_join(skip: int, opens: str, joins: str) -> None:
    """Layer 1's output is the stem; what opens behind 1 + j skip joins behind 1 + (j + 1) skip."""
    text = f"7-6x5-4 relu skip={skip}"
    assert column(text, "opens") == [c == "1" for c in opens]
    assert column(text, "joins") == [c == "1" for c in joins]
