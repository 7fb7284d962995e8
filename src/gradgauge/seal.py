"""Files that only their writer's own account can have written: what is unpickled must be such.

Compiled programs can only be kept as pickles and machine code: reading one runs it. A Run that a
stranger made can end the process that reads it. So each carries a keyed digest of its name and
content (HMAC-SHA-256); the key is a secret of the account, outside of the folder that it seals, so
that a file that was copied, shared or planted is not believed.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import stat
import tempfile
from pathlib import Path

import platformdirs

_DIGEST = hashlib.sha256
SIZE = _DIGEST().digest_size


def secret() -> bytes | None:
    """The account's secret, made when it is first asked for; None where it cannot be kept."""
    try:
        path = platformdirs.user_state_path("gradgauge") / "seal.key"
        path.parent.mkdir(parents=True, exist_ok=True)
        _make(path)
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode) or not is_private(found):
                return None
            key = file.read(SIZE + 1)
    except (OSError, RuntimeError):  # RuntimeError: an account without a home.
        return None
    return key if len(key) == SIZE else None


def _make(path: Path) -> None:
    """Write a new secret, whole, unless there is one."""
    if os.path.lexists(path):
        return
    handle, temporary = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(SIZE))
        with contextlib.suppress(FileExistsError):  # The first of several processes wins.
            path.hardlink_to(temporary)
    finally:
        Path(temporary).unlink()


def is_private(found: os.stat_result) -> bool:
    """Whether a file or folder is one's own and nobody else may change it, nor read a file."""
    if not hasattr(os, "geteuid"):  # Windows: a user's folders are the user's.
        return True
    open_to_others = 0o022 if stat.S_ISDIR(found.st_mode) else 0o077
    return found.st_uid == os.geteuid() and not found.st_mode & open_to_others


def private_folder(folder: Path) -> Path | None:
    """The folder, made with mode 0700 unless it is there; None where it is not one's own alone."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        folder = folder.resolve(strict=True)
        found = folder.stat()
    except (OSError, RuntimeError):  # RuntimeError: links in a circle.
        return None
    return folder if stat.S_ISDIR(found.st_mode) and is_private(found) else None


def seal(name: str, content: bytes, key: bytes) -> bytes:
    """A file's content with the digest that binds it to its name and to the account."""
    return digest(name, content, key) + content


def unseal(name: str, sealed: bytes, key: bytes) -> bytes | None:
    """What was sealed under this name by this account; None for anything else."""
    told, content = sealed[:SIZE], sealed[SIZE:]
    return content if hmac.compare_digest(told, digest(name, content, key)) else None


def digest(name: str, content: bytes, key: bytes) -> bytes:
    """What binds a content to a name and to the account: `SIZE` bytes."""
    bound = hmac.new(key, _DIGEST(name.encode()).digest(), _DIGEST)
    bound.update(content)
    return bound.digest()


def folder_name(purpose: str, key: bytes) -> str:
    """A folder's name that nobody else can guess, for files that cannot be sealed."""
    return f"{purpose}-{hmac.new(key, purpose.encode(), _DIGEST).hexdigest()[:16]}"
