"""What an account signs: with a secret that nobody else can have read or written."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradgauge.seal import secret


@pytest.mark.parametrize("change", ["link", "open", "short"])
def test_a_secret_that_is_none_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert secret() == secret() is not None
    path = tmp_path / "gradgauge/seal.key"
    if change == "link":
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    elif change == "open":
        path.chmod(0o644)
    else:
        path.write_bytes(b"short")
    assert secret() is None
