"""Everyone can read and use every page: contrast, names, small screens, large letters."""

from collections.abc import Callable
from typing import Any, Literal

import pytest
from axe_playwright_python.base import AxeResults
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.journeys.guests import (
    DESKTOP,
    PHONE,
    Site,
    be_demo_guest,
    begin,
    book,
    card,
    fill_form,
    join_address,
    next_month,
    open_day,
    open_slot,
    open_slot_unheld,
    open_voucher,
    press_book,
    wait_in_line,
)

# What axe would load once more to look at is refused by the policy of our pages.
_ALL_RULES = {"resultTypes": ["violations"], "preload": False}
# A theme changes colours alone.
_RULES_OF_COLOUR = {
    **_ALL_RULES,
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
}
THEMES: tuple[tuple[Literal["light", "dark"], dict[str, Any]], ...] = (
    ("light", _ALL_RULES),
    ("dark", _RULES_OF_COLOUR),
)
# What it found comes back, and nothing of what is well.
_LOOK = "options => axe.run(options).then(({ violations }) => ({ violations }))"
AS_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Colours that fade into each other, and what slides, are judged at their end, which is brought about at once.
_SETTLE = """() => document.getAnimations()
    .filter(each => each.effect.getComputedTiming().endTime !== Infinity).forEach(each => each.finish())"""
_LETTERS = "size => { document.documentElement.style.fontSize = size }"
# What is cut off although nothing scrolls there: text that is wider than its own box.
_CUT = """() => [...document.querySelectorAll("main *")].filter(node =>
    node.checkVisibility() && node.scrollWidth > node.clientWidth + 1 && node.clientWidth > 1
    && getComputedStyle(node).overflowX === "hidden").map(node => node.outerHTML.slice(0, 120))"""

# WCAG 2.2, 2.5.8: what is pressed is 24 px high and wide at least, but for links amid words.
_SMALL_TARGETS = """() => [...document.querySelectorAll("a, button, input, select, textarea, summary")]
    .filter(node => node.checkVisibility() && getComputedStyle(node).display !== "inline")
    // A box or a dot is pressed by its words as well.
    .filter(node => node.tabIndex >= 0 && !node.matches(".skip, label input"))
    .filter(node => { const box = node.getBoundingClientRect(); return box.width < 24 || box.height < 24 })
    .map(node => node.outerHTML.slice(0, 120))"""


def look(page: Page, options: dict[str, Any]) -> AxeResults:
    """Let axe look at a page; it comes into a page once, however often it looks there."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    return AxeResults(page.evaluate(_LOOK, options))


def show_in(page: Page, scheme: Literal["light", "dark"]) -> None:
    """Show a page in a theme, as it is when all movement has ended."""
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.evaluate(_SETTLE)


def portal(page: Page, _site: Site) -> None:
    page.goto("/")


def portal_without_a_match(page: Page, _site: Site) -> None:
    page.goto("/?q=submarine")


def portal_of_a_guest(page: Page, site: Site) -> None:
    be_demo_guest(page, site)
    page.goto("/")


def calendar(page: Page, _site: Site) -> None:
    page.goto("/")
    open_voucher(page, "Spa hour")


def month_as_a_list(page: Page, site: Site) -> None:
    calendar(page, site)
    page.get_by_text("The month as a list").click()


def day(page: Page, site: Site) -> None:
    calendar(page, site)
    next_month(page)
    open_day(page)


def form(page: Page, site: Site) -> None:
    day(page, site)
    open_slot(page)


def form_with_an_error(page: Page, site: Site) -> None:
    form(page, site)
    fill_form(page, email="nobody@nowhere")
    page.locator("#booking-form button[name=slot]").click()
    expect(page.locator(".field-bad")).to_be_visible()


def refusal(page: Page, site: Site) -> None:
    """Come too late for a place that another guest of this browser's machine took."""
    page.goto("/")
    open_voucher(page, "Meeting-room hour")
    next_month(page)
    open_day(page)
    open_slot_unheld(page)
    fill_form(page)
    with page.context.browser.new_context(base_url=site.url) as other:
        rival = begin(other).new_page()
        rival.goto(page.url)
        fill_form(rival)
        press_book(rival)
    page.locator("#booking-form button[name=slot]").click()
    expect(page.locator("#booking-panel [role=alert]")).to_be_visible()


def expired_voucher(page: Page, _site: Site) -> None:
    page.goto("/?status=expired")
    card(page, "Massage", status="expired").click()
    expect(page.locator("#booking-steps")).to_contain_text("has expired")


def unknown_address(page: Page, _site: Site) -> None:
    page.goto("/booking/b-none/")


def bad_address(page: Page, _site: Site) -> None:
    page.goto("/?day=never")


def link_request(page: Page, _site: Site) -> None:
    page.goto("/guest/")


def link_sent(page: Page, site: Site) -> None:
    link_request(page, site)
    page.get_by_label("Your e-mail address").fill("someone@example.com")
    page.get_by_role("button", name="Send me my link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your e-mail")


def link_forged(page: Page, _site: Site) -> None:
    page.goto("/guest/forged/")


def link_opened(page: Page, site: Site) -> None:
    page.goto(site.guest_path)


def my_bookings_of_nobody(page: Page, _site: Site) -> None:
    page.goto("/my/")


def own_voucher(page: Page, site: Site, *, title: str = "gym") -> None:
    portal_of_a_guest(page, site)
    page.goto(f"/?q={title}")
    page.locator(".card", has_text="yours").first.click()
    page.get_by_role("link", name="The voucher’s own page").click()
    expect(page.locator(".facts")).to_contain_text("Yours")


def without_a_connection(page: Page, _site: Site) -> None:
    page.goto("/offline/")


def claim_forged(page: Page, _site: Site) -> None:
    page.goto("/claim/forged/")


PLACES = (
    portal, portal_without_a_match, portal_of_a_guest, calendar, month_as_a_list,
    pytest.param(day, marks=pytest.mark.sample), form,
    form_with_an_error, refusal, expired_voucher, own_voucher, my_bookings_of_nobody, link_request,
    link_sent, link_forged, link_opened, unknown_address, bad_address, without_a_connection, claim_forged,
)  # fmt: skip


def examine(page: Page) -> None:
    """Look at a page in both themes and at both widths, and with letters twice as large."""
    for viewport in (PHONE, DESKTOP):
        page.set_viewport_size(viewport)
        assert page.evaluate(AS_WIDE) <= 0
        for scheme, options in THEMES:
            show_in(page, scheme)
            found = look(page, options)
            assert not found.response["violations"], f"{scheme}, {viewport}\n{found.generate_report()}"
    page.evaluate(_LETTERS, "200%")
    for viewport in (DESKTOP, PHONE):
        page.set_viewport_size(viewport)
        assert page.evaluate(AS_WIDE) <= 0
        assert page.evaluate(_CUT) == []
    page.evaluate(_LETTERS, "")
    assert page.evaluate(_SMALL_TARGETS) == []


def examine_everywhere(page: Page) -> None:
    """Look at a page in full, and again in German and Dutch: words are longer there, and names are others."""
    examine(page)
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    for language in ("de", "nl"):
        page.context.add_cookies([{"name": "django_language", "value": language, "url": page.url}])
        page.reload()
        expect(page.locator("html")).to_have_attribute("lang", language)
        assert page.evaluate(AS_WIDE) <= 0, language
        assert page.evaluate(_CUT) == [], language
        assert page.evaluate(_SMALL_TARGETS) == [], language
        found = look(page, _ALL_RULES)
        assert not found.response["violations"], f"{language}\n{found.generate_report()}"
    page.context.clear_cookies(name="django_language")
    page.reload()


@pytest.mark.parametrize("come_to", PLACES, ids=lambda place: place.__name__.replace("_", " "))
def test_everyone_can_use(come_to: Callable[[Page, Site], None], page: Page, site: Site):
    come_to(page, site)
    examine_everywhere(page)


def test_everyone_can_use_what_belongs_to_a_booking(page: Page):
    page.goto("/")
    open_voucher(page, "Rooftop bar evening")
    next_month(page)
    open_day(page)
    open_slot(page)
    # As long as the form allows, without a place to break.
    fill_form(page, name="Wolfeschlegelsteinhausenbergerdorff" * 2, email=f"{'w' * 60}@example.com")
    page.get_by_label("A note to the hotel").fill("Rindfleischetikettierung" * 20)
    press_book(page)
    booking = page.url.split("?")[0]
    examine_everywhere(page)
    page.goto(f"{booking}move/")
    open_day(page)
    open_slot(page)
    examine_everywhere(page)
    page.goto(f"{booking}cancel/")
    examine_everywhere(page)
    page.goto("/my/")
    examine_everywhere(page)
    page.goto("/my/data/")
    examine_everywhere(page)
    page.goto(f"{booking}cancel/")
    page.get_by_role("button", name="Cancel the booking").click()
    expect(page.locator(".ticket .chip-cancelled")).to_be_visible()
    examine_everywhere(page)


def test_everyone_can_use_the_waiting_list(page: Page, someone_else: Page, site: Site):
    booking = book(someone_else, "Meeting-room hour", day=-2)
    slot = site.rows("SELECT slot_start FROM bookings_booking WHERE id = ?", booking)[0][0]
    page.goto("/")
    open_voucher(page, "Meeting-room hour")
    address = join_address(page, f"slot-{slot.replace(' ', 'T')}Z")
    page.goto(f"/?voucher={address.partition('voucher=')[2].partition('&')[0]}&day={slot[:10]}")
    expect(page.locator("a.slot-full").first).to_be_visible()
    examine_everywhere(page)
    page.goto(address)
    examine_everywhere(page)
    entry = wait_in_line(page, address)
    examine_everywhere(page)
    site.cancel(booking)
    for path in (entry, "/my/", "/my/data/"):
        page.goto(path)
        examine_everywhere(page)
    page.goto(entry)
    page.get_by_role("button", name="Pass it to the next in line").click()
    expect(page.get_by_role("status")).to_have_text("You have passed the place on.")
    examine_everywhere(page)


def test_everyone_can_use_what_is_handed_on(page: Page, someone_else: Page, site: Site):
    own_voucher(page, site, title="canal")
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_label("Link to hand the voucher on")
    examine(page)
    someone_else.goto(link.input_value())
    examine_everywhere(someone_else)


def test_everyone_can_use_an_address_for_calendars(page: Page, site: Site):
    be_demo_guest(page, site)
    page.goto("/my/calendar/")
    examine_everywhere(page)
    page.get_by_role("button", name="Make an address").click()
    expect(page.get_by_role("button", name="Make a new address")).to_be_visible()
    examine(page)
