"""Whatever a file holds, its reader reads it or says in one sentence why not; it does not hang.

GRADGAUGE_FUZZ: changed files of each kind, 60 if it is not set (`make fuzz` tries 5,000).
"""

from __future__ import annotations

import contextlib
import os
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gradgauge.errors import GradgaugeError
from tests.fuzz.mutations import changed, within
from tests.fuzz.readers import READERS, Reader

EXAMPLES = int(os.environ.get("GRADGAUGE_FUZZ", "60"))
LONGEST = 20
"""Seconds for one file, on a busy machine."""


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_changed_file_is_read_or_refused_in_one_sentence(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / reader.name
    with contextlib.suppress(GradgaugeError):
        reader.make(path)
    good = path.read_bytes()
    reader.read(path)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize="GRADGAUGE_FUZZ" not in os.environ,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(changed(good) | st.binary(max_size=300))
    def holds(data: bytes) -> None:
        path.write_bytes(data)
        with warnings.catch_warnings(), within(LONGEST):
            warnings.simplefilter("ignore")
            try:
                reader.read(path)
            except GradgaugeError as error:
                for lang in ("en", "ko"):
                    sentence = error.sentence(lang)
                    assert "\n" not in sentence and sentence.isprintable(), sentence

    holds()
