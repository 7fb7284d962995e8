"""The page in a real browser: what it shows, what its controls do, who can use it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import gradgauge as gg
from gradgauge.play.export import export_replay
from gradgauge.play.settings import read
from tests.browser import Listening, violations
from tests.play.served import SMALL, Served

STATE = "window.gradgauge.state()"


class Open:
    """A page that is open, and who has listened to it."""

    def __init__(self, page: Any, heard: Listening):
        self.page, self.heard = page, heard

    def state(self) -> dict[str, Any]:
        return self.page.evaluate(STATE)

    def do(self, what: str) -> None:
        self.page.evaluate(f"window.gradgauge.do({what!r})")

    def until(self, condition: str) -> None:
        self.page.wait_for_function(f"(() => {{ const s = {STATE}; return {condition}; }})()")

    def paused_at_start(self) -> None:
        self.do("reset")
        self.until("s.status === 'paused' && s.step === 0 && s.networks.length > 0")


@pytest.fixture
def opened(chromium: Any, server: Served) -> Iterator[Any]:
    contexts: list[Any] = []

    def open_page(fragment: str = SMALL, **context: Any) -> Open:
        context.setdefault("viewport", {"width": 1280, "height": 900})
        # `wait_for_function` evaluates text in the page, which the page's policy forbids.
        context.setdefault("bypass_csp", True)
        made = chromium.new_context(**context)
        made.set_default_timeout(60_000)
        contexts.append(made)
        page = made.new_page()
        heard = Listening(page)
        page.goto(server.address.partition("#")[0] + f"#{fragment}")
        one = Open(page, heard)
        one.until("s.networks.length > 0")
        return one

    yield open_page
    for made in contexts:
        made.close()


def test_it_trains_without_a_click_and_shows_what_compare_measures(opened: Any) -> None:
    one = opened()
    one.paused_at_start()
    one.do("play")
    one.until("s.status === 'done'")
    state = one.state()
    compared = gg.compare(
        "2-8x4-2 sigmoid", "2-8x4-2 relu", dataset="spirals", epochs=2, batch_size=100
    )
    assert state["step"] == state["steps"]
    for shown, name in zip(state["networks"], compared.names, strict=True):
        run = compared.run(name)
        assert shown["notation"] == run.notation
        assert shown["test_accuracy"] == pytest.approx(run.figure("test_accuracy")[0], rel=1e-6)
        assert shown["train_loss"] == pytest.approx(run.values("steps", "loss")[0, -1], rel=1e-6)
        for gauge in ("delta_norm", "signal_spread", "slope_gain", "weight_gain"):
            ours = [np.nan if v[gauge] is None else v[gauge] for v in shown["layers"]]
            np.testing.assert_allclose(ours, run.values("probes", gauge)[0, -1], rtol=1e-6)
    assert one.heard.said == []
    hosts = {address.split("/")[2] for address in one.heard.asked}
    assert hosts <= {one.page.url.split("/")[2]}


def test_under_its_own_policy_the_page_works_and_evaluates_no_text(
    chromium: Any, server: Served
) -> None:
    context = chromium.new_context()
    page = context.new_page()
    heard = Listening(page)
    answer = page.goto(server.address)
    assert "unsafe-eval" not in answer.headers["content-security-policy"]
    page.wait_for_selector(".card.b .rung")
    page.locator(".card.a .rung").first.click()
    page.wait_for_selector("#detail .bins")
    page.locator("#lang").select_option("ko")
    page.wait_for_selector("html[lang=ko]")
    assert page.evaluate(STATE)["networks"]
    assert heard.said == []
    context.close()


def test_the_transport(opened: Any) -> None:
    one = opened()
    one.paused_at_start()
    one.page.get_by_role("button", name="One step").click()
    one.until("s.step === 1")
    one.page.get_by_role("button", name="Play", exact=True).click()
    one.until("s.step > 20")
    one.page.get_by_role("button", name="Pause").click()
    one.until("s.status === 'paused'")
    at = one.state()["step"]
    one.page.locator("#scrub").fill("0")
    one.until("s.step === 0")
    one.page.locator("#state", has_text="an earlier step").wait_for()
    one.page.get_by_role("button", name="Back to the latest step").click()
    one.until(f"s.step === {at}")


def test_controls_change_the_address_and_the_address_gives_the_same_run(opened: Any) -> None:
    one = opened()
    card = one.page.locator(".card.a")
    card.get_by_label("Layers", exact=True).fill("3")
    card.get_by_label("Layers", exact=True).press("Enter")
    one.until("s.settings.net === '8x3'")
    card.get_by_label("Activation").first.select_option("tanh")
    one.until("s.settings.act === 'tanh'")
    card.get_by_text("More settings").click()
    card.get_by_label("Normalization").select_option("layer")
    one.until("s.settings.norm === 'layer'")
    one.page.locator("#shared").get_by_label("First seed").fill("3")
    one.page.locator("#shared").get_by_label("First seed").press("Enter")
    one.until("s.settings.seed === '3' && s.status === 'done'")
    told, address = one.state(), one.page.url
    assert read(address.partition("#")[2]).unknown == ()
    one.paused_at_start()
    one.page.reload()
    one.until("s.networks.length > 0")
    one.do("play")
    one.until("s.status === 'done'")
    assert one.page.url == address
    assert one.state() == told


def test_a_rate_changed_on_the_way_is_marked_in_the_address(opened: Any) -> None:
    one = opened(SMALL.replace("epochs=2", "epochs=4"))
    one.paused_at_start()
    for _ in range(3):
        one.do("step")
    one.until("s.step === 3")
    card = one.page.locator(".card.b")
    card.get_by_text("More settings").click()
    card.get_by_label("Learning rate").fill("0.01")
    card.get_by_label("Learning rate").press("Enter")
    one.until("s.settings['b.lr'] === '1e-3,3:0.01'")
    assert "b.lr=1e-3,3:0.01" in one.page.url
    assert one.state()["step"] == 3


def test_a_layer_from_near_by_keyboard_alone(opened: Any) -> None:
    one = opened()
    one.paused_at_start()
    page = one.page
    page.locator(".card.a .rung").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert "Layer 3" in page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.keyboard.press("Enter")
    page.wait_for_selector("#detail .bins")
    assert page.locator("#detail-title").inner_text() == "Layer 3 of sigmoid"
    assert page.locator("#detail .units button").count() == 8
    page.locator("#detail .units button").nth(4).press("Enter")
    page.wait_for_function(
        "document.getElementById('detail-title').textContent.startsWith('Unit 5')"
    )
    page.keyboard.press("Escape")
    assert page.locator("#detail").is_hidden()


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(opened: Any, lang: str, scheme: str) -> None:
    one = opened(f"{SMALL}&lang={lang}&lesson=1", color_scheme=scheme, reduced_motion="reduce")
    one.paused_at_start()
    page = one.page
    assert page.evaluate("document.documentElement.lang") == lang
    page.locator(".card.a .rung").first.click()
    page.wait_for_selector("#detail .bins")
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    page.wait_for_selector("#table-body table")
    assert violations(page) == []
    assert one.heard.said == []


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_a_telephone_scrolls_in_one_direction_alone(opened: Any, lang: str) -> None:
    one = opened(f"{SMALL}&lang={lang}", viewport={"width": 360, "height": 740})
    one.page.locator(".card.a .rung").first.click()
    one.page.wait_for_selector("#detail .bins")
    one.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert one.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_language_changes_and_nothing_else_does(opened: Any) -> None:
    one = opened()
    one.paused_at_start()
    one.page.locator("#lang").select_option("ko")
    one.page.wait_for_function("document.documentElement.lang === 'ko'")
    one.page.get_by_text("오차 신호").first.wait_for()
    assert one.state()["step"] == 0
    assert one.page.url.endswith("lang=ko")
    text = one.page.locator("main").inner_text()
    assert "오차 신호" in text
    assert not re.search(r"\b(error signal|Layers|Play)\b", text)


def test_unknown_keys_are_reported_and_controls_hidden(opened: Any) -> None:
    one = opened(f"{SMALL}&depht=3&hide=act,opt")
    one.page.wait_for_selector("#notice:not([hidden])")
    assert "depht" in one.page.locator("#notice").inner_text()
    assert one.page.locator(".card.a [data-key=act]").is_hidden()
    assert one.page.locator(".card.a [data-key=depth]").is_visible()


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("question", ["why", "remedy"])
def test_questions_are_answered_by_ladders(opened: Any, question: str, lang: str) -> None:
    one = opened(f"net=8x4&act=sigmoid&batch=20&epochs=1&data=spirals&lang={lang}")
    one.paused_at_start()
    page = one.page
    page.locator(f".card.a [data-hide={question}]").click()
    page.wait_for_selector("#causes .arm:nth-of-type(2) .mini")
    page.wait_for_selector("#causes .arm.control .mini")
    assert page.locator("#causes .arm.control").count() == 1
    text = page.locator("#causes").inner_text()
    assert ("원본의 정확도" in text) == (lang == "ko")
    assert violations(page) == []
    assert one.heard.said == []


def test_run_files_and_pictures_are_saved_from_the_menu(opened: Any, tmp_path: Any) -> None:
    one = opened()
    one.paused_at_start()
    one.do("step")
    one.until("s.step === 1")
    saved = {}
    for name in ("Run file of relu (NetCDF)", "Picture (SVG)"):
        with one.page.expect_download() as waiting:
            one.page.get_by_role("button", name=name).click()
        saved[name] = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(saved[name])
    run = gg.Run.load(saved["Run file of relu (NetCDF)"])
    assert run.notation == "2-8x4-2 relu"
    assert np.isfinite(run.values("probes", "delta_norm")[0, 0]).all()
    assert saved["Picture (SVG)"].read_text().lstrip().startswith("<svg")
    assert one.heard.said == []


def test_what_cannot_be_is_said_in_the_page(opened: Any) -> None:
    one = opened()
    one.page.evaluate("location.hash = 'act=rleu'")
    one.until("s.status === 'failed'")
    assert "relu" in one.page.locator("#notice").inner_text()


def test_a_replay_works_from_a_file(chromium: Any, tmp_path: Any) -> None:
    path = export_replay(SMALL, tmp_path / "new" / "replay.html", "ko", None)
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    page = context.new_page()
    one = Open(page, Listening(page))
    page.goto(path.as_uri())
    one.until("s.step > 0")
    one.do("pause")
    one.until("s.status === 'paused'")
    assert page.evaluate("document.documentElement.lang") == "ko"
    page.locator("#scrub").fill("0")
    one.until("s.step === 0")
    assert one.heard.said == []
    assert one.heard.asked == []
    context.close()
