"""What was wanted last is what the page shows, in whatever order answers come, or if none comes."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

from tests.journeys.delays import SAID, Delay, is_refresh, is_restoring, is_step, settle
from tests.journeys.guests import (
    DESKTOP,
    Site,
    booked,
    card,
    fill_form,
    free_days,
    free_slots,
    next_month,
    open_day,
    open_voucher,
    place_of,
)
from tests.journeys.test_places import expect_at, walk
from tests.patience import until

_HELD = "SELECT COUNT(*) FROM bookings_hold WHERE kind = 'form' AND slot_start = ?"


@pytest.fixture(autouse=True)
def requests_that_are_given_up_are_no_complaints(complaints: list[str]) -> Iterator[None]:
    yield
    complaints[:] = [text for text in complaints if not any(said in text for said in SAID)]


@pytest.fixture
def page(new_context: Callable[..., BrowserContext]) -> Iterator[Page]:
    # Requests that a service worker sees are none that a test can hold up.
    return new_context(service_workers="block").new_page()


def slot_of(link: Locator) -> str:
    """Return the id of the slot that a link chooses."""
    return parse_qs(urlsplit(link.get_attribute("href") or "").query)["slot"][0]


def count_anew(page: Page) -> None:
    """Let the page count free places anew, as it does twice a minute."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def held(site: Site, slot: str) -> int:
    """Return how many forms hold a place of a slot."""
    start = slot.removeprefix("slot-").removesuffix("Z").replace("T", " ")
    return site.number(_HELD, start)


# Steps


def test_of_two_vouchers_the_one_that_was_chosen_last_is_shown_under_its_address(page: Page) -> None:
    page.goto("/")
    page.set_viewport_size(DESKTOP)
    address = card(page, "Massage").get_attribute("href") or ""
    overtaken = parse_qs(urlsplit(address).query)["voucher"][0]
    delay = Delay(page, lambda request: is_step(request) and overtaken in request.url)
    card(page, "Massage").click()
    delay.wait()
    open_voucher(page, "Gym and sauna")
    address = page.url
    delay.end()
    assert page.url == address
    expect(page.locator("#booking-steps h2")).to_have_text("Gym and sauna")
    assert overtaken not in page.url


def test_of_two_times_the_one_that_was_chosen_last_is_held_and_no_other(page: Page, site: Site) -> None:
    page.goto("/")
    open_voucher(page, "Massage")
    next_month(page)
    open_day(page)
    delay = Delay(page, lambda request: request.method == "POST" and is_step(request))
    free_slots(page).nth(0).click()
    delay.wait()
    free_slots(page).nth(1).click()
    delay.end()
    other, wanted = (slot_of(free_slots(page).nth(number)) for number in (0, 1))
    expect(page.locator("[data-held]")).to_have_attribute("data-held", wanted)
    assert place_of(page)["slot"] == wanted
    until(lambda: held(site, other) == 0, what="the other place to be given back")
    assert held(site, wanted) == 1


def test_a_place_that_was_taken_for_a_form_that_nobody_sees_is_given_back(page: Page, site: Site) -> None:
    page.set_viewport_size(DESKTOP)
    page.goto("/")
    open_voucher(page, "Massage")
    next_month(page)
    open_day(page)
    slot = slot_of(free_slots(page).first)
    delay = Delay(page, lambda request: request.method == "POST" and is_step(request))
    free_slots(page).first.click()
    delay.wait()
    open_voucher(page, "Gym and sauna")
    delay.end()
    expect(page.locator("#booking-steps h2")).to_have_text("Gym and sauna")
    expect(page.locator("#booking-form")).to_have_count(0)
    assert "slot=" not in page.url
    until(lambda: held(site, slot) == 0, what="the place to be given back")


def test_what_is_typed_while_the_list_is_on_its_way_is_searched_for(page: Page) -> None:
    page.goto("/")
    search = page.get_by_label("Search")
    delay = Delay(page, is_step)
    search.press_sequentially("spa")
    delay.wait()
    search.press_sequentially(" hour")
    delay.end()
    expect(page).to_have_url(re.compile(r"q=spa(\+|%20)hour"))
    expect(search).to_have_value("spa hour")
    expect(page.locator("#voucher-list .card").first).to_contain_text("Spa hour")


# Free places that are counted anew


def test_a_count_that_comes_late_leaves_the_day_that_was_chosen_meanwhile(page: Page) -> None:
    page.goto("/")
    open_voucher(page, "Massage")
    next_month(page)
    open_day(page)
    delay = Delay(page, is_refresh)
    count_anew(page)
    delay.wait()
    open_day(page, number=-2)
    chosen = page.locator("#day-title").inner_text()
    addresses = [link.get_attribute("href") for link in free_slots(page).all()]
    delay.end()
    expect(page.locator("#day-title")).to_have_text(chosen)
    assert [link.get_attribute("href") for link in free_slots(page).all()] == addresses


@pytest.mark.parametrize("status", [0, 404, 429, 500, 503])
def test_a_count_that_fails_costs_nothing_that_is_on_the_page(page: Page, status: int) -> None:
    walk(page)
    fill_form(page, name="Zoë")

    def fail(route: Route) -> None:
        if not is_refresh(route.request):
            route.fallback()
        elif status:
            route.fulfill(status=status, body="<html><body>away</body></html>", content_type="text/html")
        else:
            route.abort()

    page.route("**/*", fail)
    with page.expect_event("requestfinished" if status else "requestfailed", is_refresh):
        count_anew(page)
    settle(page)
    expect_at(page, "slot")
    expect(page.get_by_label("Your name")).to_have_value("Zoë")
    expect(page.locator("#notice")).to_be_empty()


def test_a_filter_beside_open_steps_leaves_the_calendar(page: Page) -> None:
    page.set_viewport_size(DESKTOP)
    page.goto("/")
    open_voucher(page, "Massage")
    page.get_by_label("Hotel").select_option("The Alder House")
    expect(page).to_have_url(re.compile("hotel=the-alder-house"))
    count_anew(page)
    settle(page)
    expect(page.locator("#month-grid .cell").first).to_be_visible()


# Answers that do not come


@pytest.mark.sample
def test_a_booking_whose_answer_is_lost_is_shown_when_the_button_is_pressed_again(
    page: Page, site: Site
) -> None:
    walk(page)
    email = fill_form(page)

    def lose(route: Route) -> None:
        if route.request.method != "POST":
            route.fallback()
            return
        route.fetch(max_redirects=0)
        route.abort()

    page.route("**/*", lose)
    page.locator("#booking-form button[name=slot]").click()
    expect(page.locator("#notice")).to_contain_text("Perhaps it has arrived all the same")
    expect(page.locator("#notice")).to_be_in_viewport()
    page.unroute("**/*", lose)
    page.locator("#booking-form button[name=slot]").click()
    booked(page)
    assert site.number("SELECT COUNT(*) FROM bookings_booking WHERE guest_email = ?", email) == 1


def test_a_proxys_refusal_leaves_the_form_as_it_was_typed(page: Page) -> None:
    walk(page)
    fill_form(page, name="Zoë")
    page.route(
        "**/*",
        lambda route: (
            route.fulfill(status=429, body="<html><h1>429 Too Many Requests</h1></html>")
            if route.request.method == "POST"
            else route.fallback()
        ),
        times=1,
    )
    page.locator("#booking-form button[name=slot]").click()
    expect(page.locator("#notice")).to_contain_text("There is a lot going on here")
    expect(page.get_by_label("Your name")).to_have_value("Zoë")
    page.locator("#booking-form button[name=slot]").click()
    booked(page)


# Back and forward


def test_going_back_twice_shows_the_second_place_whichever_answer_comes_first(page: Page) -> None:
    places = walk(page)
    start, voucher, month = (url for _, url in places[:3])
    delay = Delay(page, lambda request: is_restoring(request) and request.url == month)
    page.go_back()
    expect_at(page, "day")
    page.go_back()
    expect(page).to_have_url(month)
    delay.wait()
    page.go_back()
    expect(page).to_have_url(voucher)
    page.go_back()
    expect(page).to_have_url(start)
    expect_at(page, "list")
    delay.end()
    expect(page).to_have_url(start)
    expect_at(page, "list")


def test_a_step_that_is_on_its_way_is_not_taken_after_going_back(page: Page) -> None:
    page.goto("/")
    start = page.url
    open_voucher(page, "Massage")
    delay = Delay(page, lambda request: is_step(request) or is_restoring(request))
    page.locator("#month-next").click()
    delay.wait()
    page.go_back()
    delay.wait(2)
    delay.end()
    expect(page).to_have_url(start)
    expect_at(page, "list")


def test_a_step_from_a_page_that_is_being_replaced_is_taken(page: Page) -> None:
    page.goto("/")
    open_voucher(page, "Massage")
    delay = Delay(page, is_restoring)
    page.go_back()
    delay.wait()
    # What the page of before still shows.
    page.locator("#month-next").click()
    delay.end()
    expect_at(page, "month")
    assert place_of(page).keys() >= {"voucher", "month"}


def test_going_back_takes_no_booking_back(page: Page) -> None:
    places = walk(page)
    fill_form(page)
    delay = Delay(page, lambda request: request.method == "POST")
    page.locator("#booking-form button[name=slot]").click()
    delay.wait()
    page.go_back()
    expect_at(page, "day")
    assert page.url == places[3][1]
    delay.end()
    # It was sent: it is told what became of it.
    expect(page.get_by_role("status")).to_contain_text("Booked.")


@pytest.mark.parametrize("what", ["answer", "connection"])
def test_a_place_that_cannot_be_had_is_asked_for_by_the_browser(page: Page, what: str) -> None:
    page.goto("/")
    start = page.url
    open_voucher(page, "Massage")

    def fail(route: Route) -> None:
        if not is_restoring(route.request):
            route.fallback()
        elif what == "answer":
            route.fulfill(status=503, body="away")
        else:
            route.abort()

    page.route("**/*", fail)
    page.go_back()
    expect(page).to_have_url(start)
    expect_at(page, "list")


def test_steps_after_going_back_are_taken_as_ever(page: Page) -> None:
    page.goto("/")
    open_voucher(page, "Massage")
    page.go_back()
    expect_at(page, "list")
    card(page, "Massage").click()
    next_month(page)
    expect(free_days(page).first).to_be_visible()
    expect_at(page, "month")
