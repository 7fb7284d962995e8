"""What a trial keeps: what is not such as it writes is trained anew or refused."""

from __future__ import annotations

import json
import sqlite3

import pytest

from gradgauge.diagnosis.budget import Budget
from gradgauge.errors import OutputProblem
from gradgauge.remedies.plan import BudgetTooSmall
from gradgauge.remedies.store import FILE, Store, Stored
from gradgauge.remedies.trainer import CONTROL, REMEDY, Candidate, Dose, Outcome, Task
from gradgauge.remedies.trial import try_remedies
from tests.remedies.fakes import FakeTrainer, given

CANDIDATE = Candidate(REMEDY, (Dose("gain", 2.0, ("a",)),), 0.3)
OUTCOME = Outcome(
    CANDIDATE,
    seeds=(0, 1),
    scores=(0.5, float("inf")),
    samples=10,
    findings=("dead-units",),
    curve=((1.0, 0.5),),
    signal={"delta_norm": (1.0, float("nan"))},
)


def test_what_is_kept_is_what_was_made(tmp_path):
    store = Store(tmp_path)
    store.put("k", OUTCOME, 2.5)
    found = store.get("k")
    assert repr(found) == repr((OUTCOME, 2.5))  # NaN is not equal to itself.
    assert store.get("other") is None
    store.close()


CHANGES = {
    "no JSON": "{",
    "deep": "[" * 9_999,
    "a list": "[]",
    "nothing": "null",
    "a word for a score": {"scores": ["x", 1.0]},
    "a score that is none": {"scores": [0.5, float("nan")]},
    "too few scores": {"scores": [0.5]},
    "no seeds": {"seeds": [], "scores": []},
    "more than there is": {"run": "/etc/passwd"},
    "parts of another kind": {"candidate": 3},
    "findings of another kind": {"findings": [{}]},
    "curve of another kind": {"curve": [["a"]]},
    "signal of another kind": {"signal": {"delta_norm": 3}},
    "samples of another kind": {"samples": "many"},
}


@pytest.mark.parametrize("case", sorted(CHANGES))
def test_an_outcome_that_is_none_is_as_if_not_there(tmp_path, case):
    store = Store(tmp_path)
    store.put("k", OUTCOME, 2.5)
    change = CHANGES[case]
    with sqlite3.connect(tmp_path / FILE) as db:
        (text,) = db.execute("SELECT outcome FROM trained").fetchone()
        changed = change if isinstance(change, str) else json.dumps({**json.loads(text), **change})
        db.execute("UPDATE trained SET outcome = ?", (changed,))
    db.close()
    assert store.get("k") is None
    store.put("k", OUTCOME, 2.5)
    assert store.get("k") is not None
    store.close()


HOSTILE = {
    "trigger": "CREATE TRIGGER t AFTER INSERT ON trained BEGIN DELETE FROM trained; END",
    "view": "DROP TABLE trained; CREATE VIEW trained AS WITH RECURSIVE r(key, outcome) AS "
    "(SELECT 'k', '1' UNION ALL SELECT key || 'a', outcome FROM r) SELECT key, outcome FROM r",
    "computed column": "DROP TABLE trained; "
    "CREATE TABLE trained(key, seconds, outcome AS (hex(zeroblob(1000000000))))",
    "other columns": "ALTER TABLE trained ADD COLUMN more",
}


@pytest.mark.parametrize("case", [*HOSTILE, "garbage"])
def test_a_file_that_is_no_trial_is_refused(tmp_path, case):
    store = Store(tmp_path)
    store.put("k", OUTCOME, 2.5)
    store.close()
    if case == "garbage":
        (tmp_path / FILE).write_bytes(b"x" * 5_000)
    else:
        with sqlite3.connect(tmp_path / FILE) as db:
            db.executescript(HOSTILE[case])
        db.close()
    with pytest.raises(OutputProblem) as caught:
        Store(tmp_path).get("k")
    assert caught.value.reason == "foreign"


def test_a_trial_that_never_starts_leaves_no_file(tmp_path):
    store = Store(tmp_path / "trial")
    with pytest.raises(BudgetTooSmall):
        try_remedies(FakeTrainer(lambda _: 0.25), given(), Budget(2), store=store)
    store.close()
    assert not list(tmp_path.iterdir())


def test_another_candidates_outcome_is_not_taken(tmp_path):
    store, task = Store(tmp_path), Task([Candidate(CONTROL)], (0,), 1.0, "screen")
    trainer = FakeTrainer(lambda _: 0.25)
    stored = Stored(trainer, store)
    stored.train(task)
    with sqlite3.connect(tmp_path / FILE) as db:
        (text,) = db.execute("SELECT outcome FROM trained").fetchone()
        fields = json.loads(text)
        fields["candidate"]["kind"] = REMEDY
        db.execute("UPDATE trained SET outcome = ?", (json.dumps(fields),))
    db.close()
    stored.train(task)
    assert len(trainer.calls) == 2
    store.close()
