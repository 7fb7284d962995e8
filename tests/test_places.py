"""Paths that cannot be are places where nothing lies: every reader says a sentence, none raises."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradgauge import datasets
from gradgauge.cli.diagnose import arrays_for
from gradgauge.diagnosis.loading import load_model
from gradgauge.errors import GradgaugeError, OutputProblem
from gradgauge.own.data import named_data
from gradgauge.places import check_folder, is_file, is_folder, is_there
from gradgauge.remedies.store import Store as TrialStore
from gradgauge.run import Run
from gradgauge.study.compare.saved import load_comparison
from gradgauge.study.sweep.plan_file import read_plan
from gradgauge.study.sweep.results import load_study
from gradgauge.study.sweep.store import status
from tests.study.sweep.test_store import open_store

CANNOT_BE = ("a" * 300, "가" * 100, "d/" * 3_000, "a\0b", f"{'x' * 250}.part")
READERS = (
    datasets.load,
    lambda name: arrays_for(None, name),
    load_model,
    named_data,
    Run.load,
    load_comparison,
    read_plan,
    load_study,
    status,
)
WRITERS = (open_store, TrialStore, lambda folder: check_folder(Path(folder)))


@pytest.mark.parametrize("ending", ["", ".npz", ".csv", ".keras", ".h5", ".nc", ".toml"])
@pytest.mark.parametrize("name", CANNOT_BE, ids=range(len(CANNOT_BE)))
def test_a_path_that_cannot_be_is_a_sentence(tmp_path, monkeypatch, name, ending):
    monkeypatch.chdir(tmp_path)
    assert not (is_there(name + ending) or is_file(name + ending) or is_folder(name + ending))
    for read in READERS:
        with pytest.raises(GradgaugeError):
            read(name + ending)
    if len((name + ending).encode()) > 255 or "\0" in name:
        for write in WRITERS:
            with pytest.raises(GradgaugeError):
                write(f"new/{name}{ending}")


def test_a_folder_that_can_be_made_is_not_made(tmp_path):
    check_folder(tmp_path / "a" / "b")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("")
    for place, reason in (("file", "is_file"), ("file/below", "not_writable")):
        with pytest.raises(OutputProblem) as caught:
            check_folder(tmp_path / place)
        assert caught.value.reason == reason
