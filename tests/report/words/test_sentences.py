"""Both languages have every sentence of the report, with the same placeholders."""

from __future__ import annotations

import re

from gradgauge.messages.catalog import entries

_OURS = ("report.", "explain.")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def test_both_languages_are_complete_and_say_the_same():
    english, korean = entries("en"), entries("ko")
    keys = {key for key in english if key.startswith(_OURS)}
    assert keys == {key for key in korean if key.startswith(_OURS)}
    for key in keys:
        assert set(_PLACEHOLDER.findall(english[key])) == set(_PLACEHOLDER.findall(korean[key])), (
            key
        )


def test_no_korean_particle_depends_on_a_placeholder():
    particles = re.compile(r"\}(은|는|이|가|을|를|과|와|으로|로)(?![가-힣])")
    for key, text in entries("ko").items():
        if key.startswith(_OURS):
            assert not particles.search(text), key


def test_korean_is_korean():
    for key, text in entries("ko").items():
        if key.startswith(_OURS) and len(entries("en")[key].split()) > 3:
            assert re.search("[가-힣]", text), key
