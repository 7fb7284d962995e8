"""Text from outside as it may be shown: on a terminal, in a page, in a picture.

A control character can move a terminal's cursor or change its title, ends XML, and some make the
picture's renderer abort the whole process; characters that turn the writing direction make a
line read as something else, and ones that nobody sees make two names look alike. Each becomes the replacement character.
"""

from __future__ import annotations

import re
from typing import Any

_UNSHOWN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and line feed, DEL, C1
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"  # directions, separators
    "\xad\u180e\u200b-\u200d\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff"  # unseen
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"  # halves of characters, and what is none
)


def clean(text: str) -> str:
    """The text with U+FFFD for each character that is not to be shown."""
    return _UNSHOWN.sub("\ufffd", text)


def clean_tree(tree: Any) -> Any:
    """A structure of dictionaries and lists with all its texts cleaned."""
    if isinstance(tree, str):
        return clean(tree)
    if isinstance(tree, dict):
        return {clean_tree(name): clean_tree(value) for name, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [clean_tree(value) for value in tree]
    return tree
