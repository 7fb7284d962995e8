"""A headless Chromium for tests of pages, and what a page tells of itself.

The browser is the system's, or else the one that Playwright has downloaded.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDTHS = (375, 768, 1280)
HANGUL_WITHOUT_A_FONT = """() => {
  const own = [...document.fonts].map((font) => font.family.replaceAll('"', ''));
  const has = (one) => own.some((name) => getComputedStyle(one).fontFamily.includes(name));
  const text = (one) => [...one.childNodes].filter((node) => node.nodeType === 3)
    .map((node) => node.data).join('');
  return [...document.querySelectorAll('body *:not(script, style)')]
    .filter((one) => /[\uac00-\ud7a3]/.test(text(one)) && !has(one)).map((one) => one.outerHTML);
}"""
"""Elements whose own text would be boxes where the system has no Korean font."""
HOW_TO_INSTALL = (
    "No Chromium could be started. Type: python -m playwright install --with-deps chromium"
)


def installed() -> str | None:
    """The path of the system's Chromium or Chrome; None: Playwright's own is asked for."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A running Chromium. Without one the test fails: a page that nobody has opened is untested."""
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=installed(), args=["--no-sandbox", "--disable-gpu"]
            )
        except Error as error:
            pytest.fail(f"{HOW_TO_INSTALL}\n{error}", pytrace=False)
        yield browser
        browser.close()


class Listening:
    """Notes all that a page says on its console, and every request that leaves the machine."""

    def __init__(self, page: Any):
        self.said: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("request", lambda request: self._note(request.url))

    def _note(self, url: str) -> None:
        if not url.startswith(("file:", "data:", "blob:")):
            self.asked.append(url)


def violations(page: Any) -> list[str]:
    """What axe-core finds on the page: rule, impact, and the elements it is about."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']} ({rule['impact']}): {[node['html'][:160] for node in rule['nodes'][:3]]}"
        for rule in found
    ]
