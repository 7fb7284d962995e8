"""Words as a line that can be pasted into any shell: bash, zsh, PowerShell, cmd.exe."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable

_PLAIN = re.compile(r"[\w\s@%+=:,./*×-]+\Z")
"""What nothing is made of between double quotes, whatever the shell."""


def quoted(word: str) -> str:
    """The word, in double quotes where it needs some; cmd.exe knows no single ones."""
    bare = word.replace(os.sep, "/")
    if shlex.quote(bare) == bare:
        return word
    return f'"{word}"' if _PLAIN.match(bare) else shlex.quote(word)


def joined(words: Iterable[str]) -> str:
    """The words as one line."""
    return " ".join(map(quoted, words))
