"""What a page may send: nothing but orders, and only with what they take."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradgauge.play.orders import DRIVING, MOST_BYTES, BadOrder, read_order


def test_a_viewer_looks_and_does_not_drive() -> None:
    look = {"order": "look", "network": 0, "layer": 3, "unit": None, "step": 5}
    assert read_order(json.dumps(look), driving=False) == look
    for kind in DRIVING:
        with pytest.raises(BadOrder):
            read_order(json.dumps({"order": kind}), driving=False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"order": 3}',
        '{"order": "eval", "code": "1"}',
        '{"order": "play", "room": "other"}',
        '{"order": "open"}',
        '{"order": "open", "fragment": 3}',
        '{"order": "rate", "network": true, "value": "1"}',
        '{"order": "rate", "network": 2, "value": "1"}',
        '{"order": "speed", "frames": 1e9}',
        '{"order": "look", "network": 0, "layer": 0, "unit": null, "step": 0}',
        "[" * 10_000,
        "x" * (MOST_BYTES + 1),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadOrder):
        read_order(text, driving=True)


@given(st.text() | st.binary())
def test_garbage_is_refused(text: str | bytes) -> None:
    with pytest.raises(BadOrder):
        read_order(text, driving=True)
