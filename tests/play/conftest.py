from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.play.served import SMALL, Served, served


@pytest.fixture(scope="session")
def server() -> Iterator[Served]:
    with served("--share", "--host", "127.0.0.1", SMALL) as running:
        yield running
