"""The address holds the place: back, forward, reload, sharing, and another language."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.journeys.guests import (
    DESKTOP,
    card,
    fill_form,
    free_slots,
    next_month,
    open_day,
    open_slot,
    open_voucher,
    place_of,
)


def expect_whole_page(page: Page) -> None:
    expect(page.locator("header.top")).to_have_count(1)
    expect(page.locator("#voucher-list")).to_have_count(1)
    expect(page.locator("#booking-steps")).to_have_count(1)
    expect(page.locator("footer.bottom")).to_have_count(1)


def expect_at(page: Page, step: str) -> None:
    """Expect to see what belongs to a step of the journey, and nothing of the later ones."""
    steps = ("list", "voucher", "month", "day", "slot")
    shown = steps.index(step)
    expect_whole_page(page)
    expect(page.locator("#slot-calendar")).to_have_count(1 if shown >= 1 else 0)
    expect(page.locator("#slot-list")).to_have_count(1 if shown >= 3 else 0)
    expect(page.locator("#booking-form")).to_have_count(1 if shown >= 4 else 0)
    marked = page.locator("#voucher-list .card[aria-current]")
    expect(marked).to_have_count(1 if shown >= 1 else 0)
    if shown >= 1:
        # The keys of the grid work after any way of coming here.
        expect(page.locator("#month-grid .cell[tabindex='0']")).to_have_count(1)


def walk(page: Page) -> list[tuple[str, str]]:
    """Take every step with htmx; returns each step's name and address."""
    places = []

    def note(step: str) -> None:
        expect_at(page, step)
        places.append((step, page.url))

    page.goto("/")
    note("list")
    open_voucher(page, "Massage")
    note("voucher")
    next_month(page)
    note("month")
    open_day(page)
    note("day")
    open_slot(page)
    note("slot")
    assert len({url for _, url in places}) == len(places)
    return places


@pytest.mark.sample
def test_back_and_forward_show_each_step_again(page: Page):
    places = walk(page)
    for step, url in reversed(places[:-1]):
        page.go_back()
        expect(page).to_have_url(url)
        expect_at(page, step)
    for step, url in places[1:]:
        page.go_forward()
        expect(page).to_have_url(url)
        expect_at(page, step)


def test_reload_keeps_each_step(page: Page):
    for step, url in walk(page):
        page.goto(url)
        page.reload()
        expect(page).to_have_url(url)
        expect_at(page, step)


def test_an_address_opens_the_same_place_for_somebody_else(page: Page, someone_else: Page):
    places = walk(page)
    heading = page.locator("#booking-form h3").inner_text()
    # Whoever leaves gives the place back that was held while they could have typed.
    page.goto("/")
    for step, url in places:
        someone_else.goto(url)
        expect_at(someone_else, step)
    expect(someone_else.locator("#booking-form h3")).to_have_text(heading)


def test_back_from_a_confirmation_shows_the_form_with_its_slot(page: Page):
    places = walk(page)
    fill_form(page)
    page.locator("#booking-form button[name=slot]").click()
    expect(page.get_by_role("status")).to_be_visible()
    page.go_back()
    expect(page).to_have_url(places[-1][1])
    expect_whole_page(page)
    expect(page.locator("#day-title")).to_be_visible()


def test_history_keeps_the_filters_of_the_list(page: Page):
    page.set_viewport_size(DESKTOP)
    page.goto("/")
    page.get_by_role("link", name=re.compile("^Expired")).click()
    expect(page.locator("#tab-expired")).to_have_attribute("aria-current", "true")
    expect(page.locator("#voucher-list .chip-issued")).to_have_count(0)
    page.get_by_label("Hotel").select_option("The Alder House")
    expect(page).to_have_url(re.compile("hotel=the-alder-house"))
    assert place_of(page)["status"] == "expired"
    card(page, "Gym and sauna", status="expired").click()
    expect(page.locator("#booking-steps")).to_contain_text("has expired")
    assert place_of(page).keys() >= {"status", "hotel", "voucher"}
    page.go_back()
    expect(page.locator("#booking-steps[data-chosen]")).to_have_count(0)
    expect(page.get_by_label("Hotel")).to_have_value("the-alder-house")
    page.go_back()
    expect(page.get_by_label("Hotel")).to_have_value("")
    expect(page.locator("#tab-expired")).to_have_attribute("aria-current", "true")


@pytest.mark.parametrize("language", ["de", "nl"])
def test_the_portal_speaks_the_language_of_the_browser(
    new_context: Callable[..., BrowserContext], language: str
):
    page = new_context(locale=language).new_page()
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("lang", language)
    expect(page.locator(".languages [aria-current]")).to_have_attribute("value", language)


def test_the_language_switcher_keeps_the_place_and_is_remembered(page: Page):
    walk(page)
    place = place_of(page)
    for name, language in (("Deutsch", "de"), ("Nederlands", "nl"), ("English", "en")):
        page.get_by_role("button", name=name).click()
        expect(page.locator("html")).to_have_attribute("lang", language)
        assert place_of(page) == place
        expect_at(page, "slot")
        page.goto("/my/")
        expect(page.locator("html")).to_have_attribute("lang", language)
        page.go_back()


def test_dates_and_money_follow_the_language(page: Page):
    page.goto("/")
    page.get_by_role("button", name="Deutsch").click()
    expect(card(page, "Dinner for two")).to_contain_text("89,00\xa0€")
    page.get_by_role("button", name="English").click()
    expect(card(page, "Dinner for two")).to_contain_text("€89.00")


def test_the_title_says_where_the_guest_is(page: Page):
    page.goto("/")
    expect(page).to_have_title("Hotel vouchers")
    open_voucher(page, "Massage")
    expect(page).to_have_title(re.compile("^Massage · "))
    page.go_back()
    expect(page).to_have_title("Hotel vouchers")


def test_times_name_their_zone_only_to_guests_elsewhere(
    page: Page, new_context: Callable[..., BrowserContext]
):
    page.goto("/")
    open_voucher(page, "Spa hour")
    expect(page.get_by_text("Times are Amsterdam time.")).to_be_visible()
    at_home = new_context(timezone_id="Europe/Amsterdam").new_page()
    at_home.goto("/")
    open_voucher(at_home, "Spa hour")
    open_day(at_home)
    expect(free_slots(at_home).first).to_be_visible()
    expect(at_home.get_by_text("Times are Amsterdam time.")).to_be_hidden()


@pytest.mark.parametrize("way_back", ["link", "history"])
def test_the_list_comes_back_where_it_was_left(page: Page, way_back: str):
    page.goto("/")
    below = card(page, "Tasting menu")
    below.scroll_into_view_if_needed()
    was = page.evaluate("scrollY")
    assert was > 0
    open_voucher(page, "Tasting menu")
    assert page.evaluate("scrollY") == 0
    if way_back == "link":
        page.get_by_role("link", name="All vouchers").click()
        expect(below).to_be_focused()
    else:
        page.go_back()
    expect(below).to_be_in_viewport()
    page.wait_for_function("was => scrollY === was", arg=was)
