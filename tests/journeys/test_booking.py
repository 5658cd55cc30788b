"""From the landing page to a booked slot: with htmx, without scripts, by keyboard, in a race."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Response, expect

from tests.journeys.guests import (
    PHONE,
    Hand,
    Site,
    book,
    booked,
    card,
    fill_form,
    focused,
    free_days,
    free_slots,
    left_on,
    new_email,
    next_month,
    open_day,
    open_slot,
    open_slot_unheld,
    open_voucher,
    place_of,
    press_book,
    tab_to,
)


def book_by_hand(page: Page, title: str) -> Hand:
    hand = Hand()
    page.goto("/")
    open_voucher(page, title, hand)
    open_day(page, hand)
    open_slot(page, hand)
    fill_form(page, hand)
    press_book(page, hand)
    return hand


@pytest.mark.sample
def test_a_guest_with_a_phone_books_with_four_clicks_and_two_fields(page: Page, site: Site):
    before = site.number("SELECT COUNT(*) FROM bookings_booking")
    hand = book_by_hand(page, "Spa hour")
    assert hand.clicks <= 4
    assert hand.typed.keys() == {"name", "email"}
    assert site.number("SELECT COUNT(*) FROM bookings_booking") == before + 1
    assert (
        site.number("SELECT COUNT(*) FROM bookings_booking WHERE guest_email = ?", hand.typed["email"]) == 1
    )


def test_a_guest_who_has_booked_before_types_nothing(page: Page):
    book(page, "Late checkout")
    page.goto("/")
    open_voucher(page, "Breakfast in the library")
    open_day(page)
    open_slot(page)
    expect(page.get_by_label("Your name")).to_have_value("Ada Lovelace")
    press_book(page)


def test_wrong_words_are_told_at_the_field_and_the_rest_is_kept(page: Page):
    page.goto("/")
    open_voucher(page, "Spa hour")
    open_day(page)
    open_slot(page)
    fill_form(page, email="nobody@nowhere")
    page.locator("#booking-form button[name=slot]").click()
    field = page.get_by_label("Your e-mail address")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile("valid email"))
    expect(page.get_by_label("Your name")).to_have_value("Ada Lovelace")
    fill_form(page)
    press_book(page)


class TestWithoutScripts:
    @pytest.fixture
    def page(self, new_context: Callable[..., BrowserContext]) -> Page:
        return new_context(java_script_enabled=False).new_page()

    def test_a_guest_books_with_four_clicks_and_two_fields(self, page: Page):
        hand = book_by_hand(page, "Canal tour")
        assert hand.clicks <= 4
        assert len(hand.typed) == 2

    def test_the_list_is_filtered_searched_and_continued(self, page: Page, site: Site):
        page.goto("/")
        page.get_by_role("link", name=re.compile("^Expired")).click()
        assert place_of(page) == {"status": "expired"}
        expect(page.locator("#voucher-list .card .chip-expired").first).to_be_visible()
        expect(page.locator("#voucher-list .chip-issued")).to_have_count(0)
        page.get_by_label("Search").fill("whale")
        page.get_by_role("button", name="Show", exact=True).click()
        assert place_of(page)["status"] == "expired"
        expect(page.locator("#voucher-list .card-title")).to_have_text(["Whale watching"])
        page.goto("/")
        first = page.locator("#voucher-list .card").evaluate_all("cards => cards.map(card => card.href)")
        page.get_by_role("link", name="Show more").click()
        page.wait_for_url(re.compile("after="))
        more = page.locator("#voucher-list .card").evaluate_all("cards => cards.map(card => card.href)")
        shown = site.number("SELECT COUNT(*) FROM vouchers_batch")
        assert len(set(first) | set(more)) == len(first) + len(more) == shown

    def test_a_booking_is_moved_and_cancelled(self, page: Page):
        book(page, "Whale watching")
        was = page.locator(".when").inner_text()
        page.get_by_role("link", name="Move", exact=True).click()
        open_day(page, number=0)
        open_slot(page)
        page.get_by_role("button", name=re.compile("^Move to")).click()
        expect(page.locator(".when")).not_to_have_text(was)
        page.get_by_role("link", name="Cancel", exact=True).click()
        page.get_by_label("Why?").fill("Rain")
        page.get_by_role("button", name="Cancel the booking").click()
        expect(page.locator(".ticket .chip-cancelled")).to_be_visible()
        expect(page.locator(".facts")).to_contain_text("Rain")

    def test_a_slot_that_went_meanwhile_is_replaced_by_a_near_one(self, page: Page, someone_else: Page):
        open_one_room(page, someone_else)
        press_book(someone_else)
        with page.expect_response(lambda response: response.request.method == "POST") as answer:
            page.locator("#booking-form button[name=slot]").first.click()
        assert answer.value.status == 409
        expect(page.get_by_label("Your name")).to_have_value("Grace Hopper")
        press_book(page)


def open_one_room(first: Page, *others: Page) -> None:
    """Lead all guests to the form of the same slot of an offer with one place.

    Nobody holds it: an address that was passed on opens the form alone.
    """
    first.goto("/")
    open_voucher(first, "Meeting-room hour")
    next_month(first)
    open_day(first, number=3)
    address = open_slot_unheld(first)
    for guest, name in zip((first, *others), ("Grace Hopper", "Ada Lovelace"), strict=True):
        guest.goto(address)
        fill_form(guest, name=name)


def test_two_guests_race_for_the_last_place_and_one_is_helped_to_another(
    page: Page, someone_else: Page, site: Site
):
    guests = {"Grace Hopper": page, "Ada Lovelace": someone_else}
    posts: list[int] = []

    def note(response: Response) -> None:
        if response.request.method == "POST":
            posts.append(response.status)

    for guest in guests.values():
        guest.on("response", note)
    open_one_room(page, someone_else)
    before = site.number("SELECT COUNT(*) FROM bookings_booking")
    for guest in guests.values():
        guest.locator("#booking-form button[name=slot]").evaluate("button => button.click()")
    for guest in guests.values():
        won, lost = guest.get_by_role("status"), guest.locator("#booking-panel [role=alert]")
        expect(won.or_(lost)).to_be_visible()
    losers = {name: guest for name, guest in guests.items() if "/booking/" not in guest.url}
    assert len(losers) == 1
    assert sorted(posts) == [200, 409]
    assert site.number("SELECT COUNT(*) FROM bookings_booking") == before + 1
    ((name, loser),) = losers.items()
    expect(loser.locator("#booking-panel [role=alert]")).to_contain_text("What you typed is kept.")
    expect(loser.locator("#booking-panel [role=alert]")).to_be_focused()
    expect(loser.get_by_label("Your name")).to_have_value(name)
    nearest = loser.locator("#booking-form button[name=slot]")
    assert nearest.count() >= 2
    wanted = nearest.nth(1).inner_text().removeprefix("Book ").replace("\n", " ")
    nearest.nth(1).click()
    booked(loser)
    expect(loser.locator(".when")).to_have_text(wanted)


def test_a_booking_needs_no_pointer(page: Page, someone_else: Page):
    page.goto("/")
    tab_to(page, ".card")
    assert_visible_focus(focused(page))
    title = focused(page).locator(".card-title").inner_text()
    page.keyboard.press("Enter")
    expect(page.locator("#booking-steps h2")).to_have_text(title)
    expect(page.locator("#booking-steps h2")).to_be_focused()
    page.goto("/")
    card(page, "Gym and sauna").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#steps-title")).to_be_focused()
    tab_to(page, "#month-grid .cell")
    assert page.locator("#month-grid .cell[tabindex='0']").count() == 1
    walk_the_grid(page)
    page.keyboard.press("Enter")
    expect(page.locator("#day-title")).to_be_focused()
    tab_to(page, "#slot-list a")
    assert_visible_focus(focused(page))
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#booking-form h3")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Your name")).to_be_focused()
    assert_visible_focus(focused(page))
    page.keyboard.type("Grace Hopper")
    page.keyboard.press("Tab")
    page.keyboard.type(new_email())
    page.keyboard.press("Enter")
    booked(page)


def assert_visible_focus(target: Locator) -> None:
    outline = target.evaluate(
        "node => { const s = getComputedStyle(node); return [s.outlineStyle, s.outlineWidth] }"
    )
    assert outline[0] == "solid"
    assert float(outline[1].removesuffix("px")) >= 2


def walk_the_grid(page: Page) -> None:
    """Visit a whole month by keys: it ends on the tenth of the month after next."""

    def press(key: str, day: int) -> None:
        page.keyboard.press(key)
        expect(focused(page)).to_have_id(re.compile(rf"day-\d{{4}}-\d\d-{day:02d}"))
        assert_visible_focus(focused(page))

    def turn(key: str, day: int) -> None:
        shown = page.locator("#month-title").inner_text()
        page.keyboard.press(key)
        expect(page.locator("#month-title")).not_to_have_text(shown)
        expect(focused(page)).to_have_id(re.compile(rf"day-\d{{4}}-\d\d-{day:02d}"))

    day = int((focused(page).get_attribute("id") or "")[-2:])
    turn("PageDown", day)
    while day > 10:
        day -= 7
        press("ArrowUp", day)
    while day < 10:
        day += 1
        press("ArrowRight", day)
    while day > 10:
        day -= 1
        press("ArrowLeft", day)
    press("ArrowDown", 17)
    press("ArrowUp", 10)
    weekday = focused(page).evaluate("cell => cell.closest('td').cellIndex")
    press("Home", 10 - weekday)
    press("End", 16 - weekday)
    press("Home", 10 - weekday)
    for day in range(11 - weekday, 11):
        press("ArrowRight", day)
    turn("PageDown", 10)
    turn("PageUp", 10)
    turn("PageDown", 10)


def test_the_free_numbers_fall_by_themselves_when_others_book(
    new_context: Callable[..., BrowserContext], someone_else: Page
):
    page = new_context(is_turned=True).new_page()
    for guest in (page, someone_else):
        guest.goto("/")
        open_voucher(guest, "Thermal pool")
        next_month(guest)
        open_day(guest)
    places = free_slots(page).first.locator("small")
    before = int(places.inner_text().split()[0])
    free_slots(page).first.focus()
    address = page.url
    open_slot(someone_else)
    fill_form(someone_else)
    press_book(someone_else)
    with page.expect_response(lambda response: response.request.headers.get("hx-target") == "month-grid"):
        page.clock.fast_forward(31_000)
    expect(places).to_have_text(re.compile(rf"^{before - 1} place"))
    assert page.url == address
    expect(page.locator("#month-grid")).to_have_count(1)
    expect(page.locator("#slot-list")).to_have_count(1)
    expect(page.locator("#month-grid .cell[tabindex='0']")).to_have_count(1)


def test_a_phone_shows_one_step_at_a_time(page: Page):
    page.goto("/")
    assert page.viewport_size == PHONE
    open_voucher(page, "Spa hour")
    expect(card(page, "Spa hour")).to_be_hidden()
    page.get_by_role("link", name="All vouchers").click()
    expect(card(page, "Spa hour")).to_be_visible()
    assert place_of(page) == {}


def test_the_number_left_is_the_number_left(page: Page, someone_else: Page):
    page.goto("/")
    before = left_on(card(page, "Rooftop bar evening"))
    someone_else.goto("/")
    open_voucher(someone_else, "Rooftop bar evening")
    next_month(someone_else)
    assert free_days(someone_else).count()
    open_day(someone_else)
    open_slot(someone_else)
    fill_form(someone_else)
    press_book(someone_else)
    page.reload()
    assert left_on(card(page, "Rooftop bar evening")) == before - 1
