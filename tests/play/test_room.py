"""A room: what it shows is what `compare` measures, and it does what it is told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradgauge as gg
from gradgauge.play.causes import Causes
from gradgauge.play.findings import Watch
from gradgauge.play.repairs import Repairs
from gradgauge.play.room import Room
from gradgauge.play.settings import read
from gradgauge.study.by_layer import over_seeds

ADDRESS = "net=8x4&act=sigmoid&b.act=relu&data=spirals&epochs=2&batch=100&seeds=2"


class Seen:
    """What a room tells."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.room = Room(self.told.append, ThreadPoolExecutor(2), None)

    def of(self, kind: str) -> list[Any]:
        return [one for one in self.told if one["kind"] == kind]

    def to_the_end(self) -> None:
        while self.room.goes_on:
            self.room.turn()


@pytest.fixture(scope="module")
def trained() -> Seen:
    seen = Seen()
    seen.room.open(ADDRESS)
    seen.to_the_end()
    return seen


def test_frames_are_what_compare_measures_at_its_probes(trained: Seen) -> None:
    compared = gg.compare(
        "2-8x4-2 sigmoid", "2-8x4-2 relu", dataset="spirals", epochs=2, batch_size=100, seeds=2
    )
    assert trained.room.status == "done"
    frames = {frame["step"]: frame for frame in trained.of("frame")}
    for place, name in enumerate(compared.names):
        run = compared.run(name)
        for row, step in enumerate(run.groups["probes"].coords["probe_step"]):
            shown = frames[int(step)]["networks"][place]["gauges"]
            for gauge in ("delta_norm", "signal_spread", "slope_gain", "weight_gain", "dead"):
                expected = over_seeds(gauge, run.values("probes", gauge)[:, row])
                ours = np.array([np.nan if v is None else v for v in shown[gauge]])
                np.testing.assert_array_equal(ours, expected)
            if step:
                ratios = over_seeds(
                    "update_ratio", run.values("steps", "update_ratio")[:, step - 1]
                )
                np.testing.assert_allclose(shown["update_ratio"], ratios, rtol=1e-6)
        last = frames[max(frames)]["networks"][place]
        assert last["test_accuracy"] == pytest.approx(run.figure("test_accuracy").mean(), rel=1e-6)


def test_the_same_address_gives_the_same_figures(trained: Seen) -> None:
    again = Seen()
    again.room.open(trained.of("opened")[0]["fragment"])
    for _ in range(4):
        again.room.step()
    again.room.play()
    again.to_the_end()
    theirs = {frame["step"]: frame for frame in trained.of("frame")}
    ours = {frame["step"]: frame for frame in again.of("frame")}
    last = max(theirs)
    assert ours[last] == theirs[last]
    assert set(theirs) <= set(ours)


def test_play_pause_step_reset() -> None:
    seen = Seen()
    seen.room.open(ADDRESS)
    seen.room.turn()
    seen.room.pause()
    at = seen.of("frame")[-1]["step"]
    seen.room.step()
    assert seen.of("frame")[-1]["step"] == at + 1
    assert seen.of("frame")[-1]["networks"][0]["test_accuracy"] is not None
    assert seen.room.status == "paused"
    seen.room.reset()
    assert (seen.of("frame")[-1]["step"], seen.room.status) == (0, "paused")
    seen.room.play()
    assert seen.room.status == "running"


def test_a_rate_changed_on_the_way_stands_in_the_address_and_gives_the_same_run() -> None:
    seen = Seen()
    seen.room.open(ADDRESS)
    for _ in range(3):
        seen.room.turn()
    seen.room.rate(1, "0.05")
    step = seen.of("frame")[-1]["step"]
    said = seen.of("settings")[-1]
    assert said["settings"]["b.lr"] == f"1e-3,{step}:0.05"
    seen.to_the_end()
    again = Seen()
    again.room.open(said["fragment"])
    again.to_the_end()
    assert again.of("frame")[-1] == seen.of("frame")[-1]
    assert read(said["fragment"]).settings.sides[1].rates[-1] == (step, 0.05)


def test_a_layer_from_near(trained: Seen) -> None:
    seen = trained.room.look(0, 2, None, 10**6)
    assert seen["step"] == trained.of("frame")[-1]["step"]
    assert len(seen["units"]["delta"]) == 8
    for name in ("z", "slope", "delta", "weight"):
        assert sum(seen["histograms"][name]["counts"]) > 0, name
    one = trained.room.look(0, 2, 3, 0)
    assert one["step"] == 0
    assert sum(one["histograms"]["weight"]["counts"]) == 8
    assert trained.room.look(0, 5, None, 0) == {}
    assert trained.room.look(0, 2, 9, 0) == {}


def test_what_cannot_be_is_refused_in_both_languages() -> None:
    seen = Seen()
    seen.room.open("act=rleu")
    (refused,) = seen.of("refused")
    assert "relu" in refused["sentence"]["en"]
    assert seen.room.status == "failed"
    seen.room.open("data=own:" + "0" * 64)
    assert len(seen.of("refused")) == 2
    seen.room.play()
    seen.room.step()
    assert seen.of("frame") == []


def test_an_unknown_key_is_reported_and_the_rest_trained() -> None:
    seen = Seen()
    seen.room.open(ADDRESS + "&depht=3")
    assert "depht" in seen.of("opened")[0]["unknown"][0]["en"]
    assert seen.room.status == "running"


def test_a_training_that_breaks_off_says_where() -> None:
    seen = Seen()
    seen.room.open("net=8x4&act=relu&data=spirals&epochs=2&batch=100&opt=sgd&lr=1e30")
    seen.to_the_end()
    last = seen.of("frame")[-1]["networks"][0]
    assert seen.room.status == "failed"
    assert last["findings"][0]["rule"] == "non-finite"
    assert last["broken"][1] >= 1


def test_findings_stay_until_three_times_better() -> None:
    def gauges(ratio: float) -> dict[str, np.ndarray]:
        deltas = np.array([ratio, 0.1, 1.0, 1.0])
        fine = np.full(4, 0.1)
        return {
            "delta_norm": deltas,
            "signal_spread": fine,
            "saturated": fine,
            "dead": fine,
            "update_ratio": fine,
        }

    watch = Watch(1.0)
    limit = 10**-2.5
    shown = [bool(watch.look(gauges(limit * f), None)) for f in (2, 0.9, 2, 2.9, 3.1, 2)]
    assert shown == [False, True, True, True, False, False]


def test_why_tells_of_every_arm() -> None:
    seen = Seen()
    seen.room.open("net=8x2&act=sigmoid&norm=layer&data=spirals&epochs=1", playing=False)
    Causes(seen.room._scene, 0, seen.told.append).find()
    arms = [one["arm"]["arm"] for one in seen.of("why") if "arm" in one]
    assert {"control", "slope", "relu"} <= set(arms)
    assert seen.of("why")[-1]["over"]


def test_theory_lies_under_the_ladders_of_wide_networks() -> None:
    """The closed forms against one wide random network."""
    seen = Seen()
    seen.room.open("net=512x6&act=tanh&data=mnist&batch=400&epochs=1", playing=False)
    shown = seen.of("opened")[0]["networks"][0]["predicted"]
    measured = seen.of("frame")[0]["networks"][0]["gauges"]
    deltas = np.array(measured["delta_norm"])
    np.testing.assert_allclose(np.log10(deltas[:-1] / deltas[-1]), shown["delta_decades"], atol=0.1)
    np.testing.assert_allclose(measured["signal_spread"][:-1], shown["signal_spread"], rtol=0.15)


def test_remedy_tells_of_the_network_and_of_what_answers_its_faults() -> None:
    seen = Seen()
    seen.room.open("net=16x10&act=sigmoid&data=spirals&epochs=4&batch=100", playing=False)
    Repairs(seen.room._scene, 0, seen.told.append).find()
    told = seen.of("remedy")
    arms = {one["arm"]["arm"]: one["arm"] for one in told if "arm" in one}
    assert told[-1]["over"]
    assert len(arms) == told[-1]["arms"]
    assert {arm["place"] for arm in arms.values()} == set(range(len(arms)))
    assert "gain_and_centring" in arms
    assert arms["control"]["decades"] < -3
    assert max(arm["decades"] for arm in arms.values()) > -1
    compared = gg.compare("2-16x10-2 sigmoid", dataset="spirals", epochs=4, batch_size=100)
    accuracy = compared.run(compared.names[0]).figure("test_accuracy")[0]
    assert arms["control"]["accuracy"] == pytest.approx(accuracy, rel=1e-6)


def test_remedy_offers_nothing_where_nothing_is_wrong() -> None:
    seen = Seen()
    seen.room.open("net=16x2&act=tanh&data=blobs&epochs=8&batch=50&lr=3e-3", playing=False)
    Repairs(seen.room._scene, 0, seen.told.append).find()
    told = seen.of("remedy")
    assert [one["arm"]["arm"] for one in told if "arm" in one] == ["control"]
    assert told[-1]["over"]


def test_a_room_saves_the_runs_of_its_networks(trained: Seen, tmp_path: Path) -> None:
    paths = trained.room.save(str(tmp_path))
    compared = gg.compare(
        "2-8x4-2 sigmoid", "2-8x4-2 relu", dataset="spirals", epochs=2, batch_size=100, seeds=2
    )
    for path, name in zip(paths, compared.names, strict=True):
        ours, theirs = gg.Run.load(path), compared.run(name)
        assert ours.notation == theirs.notation
        for gauge in ("delta_norm", "signal_spread"):
            np.testing.assert_array_equal(
                ours.values("probes", gauge), theirs.values("probes", gauge)
            )
        np.testing.assert_array_equal(ours.figure("test_accuracy"), theirs.figure("test_accuracy"))
