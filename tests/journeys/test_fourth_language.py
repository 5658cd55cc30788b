"""A fourth language needs a file and nothing else: long, accented, and from right to left."""

import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.journeys.clock import clocked
from tests.journeys.guests import (
    DESKTOP,
    PHONE,
    Site,
    begin,
    book,
    next_month,
    open_day,
    open_slot,
    open_voucher,
)
from tests.journeys.pseudo import CLOSE, OPEN, write_language
from tests.journeys.test_looks import _CUT, AS_WIDE
from tests.servers import ROOT, manage, portal

# Esperanto and Arabic: Django and CLDR know how they are written, and the portal does not speak them.
LONG, FROM_THE_RIGHT = "eo", "ar"
# A title and a term of the demo's hotels.
OF_THE_HOTEL = {"Spa hour", "Age"}
# What the portal itself says: neither a hotel's own words nor what formats make of times and money.
_SAID = """() => [...document.querySelectorAll(
    "h1, button:not(.languages button), label, .actions a, .aside h2, nav a, figcaption, dt, .skip, .chip"
)].filter(node => node.checkVisibility()).map(node => node.innerText.trim())
    .filter(text => /[a-z]/i.test(text))"""


@pytest.fixture(scope="module")
def elsewhere(browser_type_launch_args: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Serve the portal in languages that it has never heard of."""
    home = tmp_path_factory.mktemp("languages")
    shutil.copytree(ROOT / "locale", home / "locale")
    for code in (LONG, FROM_THE_RIGHT):
        write_language(home / "locale", code)
    url = f"sqlite:///{home / 'portal.sqlite3'}"
    env = {**clocked("tests.pseudo_settings"), "PSEUDO_LOCALE": str(home / "locale")}
    told = manage(url, "prepare", "--demo", **env)
    with portal(url, home / "gunicorn.log", workers=2, **env) as server:
        yield Site(server.url, home / "portal.sqlite3", re.search(r"/guest/\S+", told)[0], "")


@pytest.fixture
def page(elsewhere: Site, browser: Browser) -> Iterator[Page]:
    usual = {"viewport": PHONE, "locale": "en-GB", "timezone_id": "Europe/London"}
    with browser.new_context(base_url=elsewhere.url, **usual) as context:
        yield begin(context).new_page()


def addresses(page: Page) -> list[str]:
    """Return the addresses of every kind of page that a guest has, as they are after a booking."""
    page.goto("/")
    open_voucher(page, "Canal tour")
    voucher = page.url
    next_month(page)
    open_day(page)
    open_slot(page)
    form = page.url
    booking = f"/booking/{book(page, 'Spa hour')}/"
    page.goto("/?sort=title&q=spa")
    own = page.evaluate("document.querySelector('.card[href*=\"voucher=v-\"]')?.href || ''")
    shown = [f"/voucher/{found[1]}/" for found in [re.search(r"voucher=(v-[^&]+)", own)] if found]
    return [
        "/", "/?q=nothing-like-this", "/?status=expired", voucher, form, f"{booking}?new", f"{booking}move/",
        f"{booking}cancel/", "/my/", "/my/data/", "/my/calendar/", "/guest/", "/guest/forged/",
        "/claim/forged/", "/party/", "/offline/", "/nowhere/", *shown,
    ]  # fmt: skip


@pytest.mark.parametrize("code", [LONG, FROM_THE_RIGHT])
def test_every_page_is_ready_for_it(page: Page, code: str) -> None:
    paths = addresses(page)
    wrong: list[str] = []
    for path in paths:
        page.goto(f"{path}{'&' if '?' in path else '?'}lang={code}")
        assert page.locator("html").get_attribute("lang") == code
        for viewport in (PHONE, DESKTOP):
            page.set_viewport_size(viewport)
            wide, cut = page.evaluate(AS_WIDE), page.evaluate(_CUT)
            if wide > 0 or cut:
                wrong.append(f"{path} {viewport['width']}: {wide} px too wide, cut: {cut}")
        said = page.evaluate(_SAID)
        ours = [text for text in said if text not in OF_THE_HOTEL and OPEN not in text and CLOSE not in text]
        wrong += [f"{path}: {text!r} is not translated" for text in ours]
    assert not wrong, "\n".join(wrong)


@pytest.mark.sample
def test_a_page_from_right_to_left_is_mirrored(page: Page) -> None:
    page.set_viewport_size(DESKTOP)
    page.goto(f"/?lang={FROM_THE_RIGHT}")
    assert page.locator("html").get_attribute("dir") == "rtl"
    brand, nav = (page.locator(css).bounding_box()["x"] for css in (".brand", ".top nav"))
    cards, steps = (page.locator(css).bounding_box()["x"] for css in (".pane-list", ".pane-steps"))
    assert brand > nav
    assert cards > steps
    page.locator("#voucher-list .card").first.click()
    days = page.locator("#month-grid .cell")
    days.first.wait_for()
    boxes = [days.nth(number).bounding_box() for number in range(2)]
    if boxes[0]["y"] == boxes[1]["y"]:
        assert boxes[0]["x"] > boxes[1]["x"]
    # The arrow to the left leads on, as one reads.
    days.first.focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.id") == days.nth(1).get_attribute("id")
