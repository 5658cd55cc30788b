"""What a guest does with a booking afterwards: keep, move, cancel, take along, have forgotten."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import icalendar
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.journeys.guests import (
    Site,
    be_demo_guest,
    book,
    card,
    left_on,
    new_email,
    open_day,
    open_slot,
)


def calendar_event(page: Page) -> icalendar.Event:
    with page.expect_download() as download:
        page.get_by_role("link", name="Add to calendar").click()
    assert download.value.suggested_filename.endswith(".ics")
    calendar = icalendar.Calendar.from_ical(Path(download.value.path()).read_bytes())
    (event,) = calendar.walk("VEVENT")
    return event


def stored_times(site: Site, booking_id: str) -> tuple[datetime, datetime]:
    (row,) = site.rows("SELECT slot_start, slot_end FROM bookings_booking WHERE id = ?", booking_id)
    start, end = (datetime.fromisoformat(value).replace(tzinfo=UTC) for value in row)
    return start, end


def move(page: Page) -> None:
    was = page.locator(".when").inner_text()
    page.get_by_role("link", name="Move", exact=True).click()
    expect(page.get_by_text(f"Now: {was}").first).to_be_visible()
    open_day(page, number=0)
    open_slot(page)
    page.get_by_role("button", name=re.compile("^Move to")).click()
    expect(page).to_have_url(re.compile(r"/booking/b-[^/]+/$"))
    expect(page.locator(".when")).not_to_have_text(was)


def cancel(page: Page, reason: str = "") -> None:
    page.get_by_role("link", name="Cancel", exact=True).click()
    page.get_by_label("Why?").fill(reason)
    page.get_by_role("button", name="Cancel the booking").click()
    expect(page.locator(".ticket .chip-cancelled")).to_be_visible()


@pytest.mark.sample
def test_the_confirmation_holds_all_that_a_guest_needs(page: Page):
    email = new_email()
    book(page, "Tasting menu", email=email)
    expect(page.get_by_role("status")).to_contain_text(email)
    expect(page.get_by_role("heading", level=1)).to_have_text("Tasting menu")
    expect(page.locator(".facts")).to_contain_text("Rua do Porto 12")
    expect(page.locator(".facts")).to_contain_text("€72.00, paid at the hotel")
    code = page.locator("svg.qr")
    expect(code).to_be_visible()
    expect(code.locator("title")).to_have_text("Code for the front desk")
    assert code.bounding_box()["width"] >= 160


def test_a_calendar_entry_follows_its_booking(page: Page, site: Site):
    booking_id = book(page, "Thermal pool")
    first = calendar_event(page)
    assert (first.start, first.end) == stored_times(site, booking_id)
    assert str(first.start.tzinfo) == "Atlantic/Azores"
    assert first["summary"] == "Thermal pool, Quinta das Hortênsias"
    assert "Rua do Porto 12" in first["location"]
    move(page)
    second = calendar_event(page)
    assert (second.start, second.end) == stored_times(site, booking_id)
    assert second.start != first.start
    assert second["uid"] == first["uid"]
    assert second["sequence"] > first["sequence"]


def test_a_cancelled_booking_says_why_and_its_voucher_is_open_again(page: Page, someone_else: Page):
    book(page, "Late checkout")
    booking = page.url.split("?")[0]
    someone_else.goto("/")
    before = left_on(card(someone_else, "Late checkout"))
    cancel(page, reason="Earlier train")
    expect(page.locator(".facts")).to_contain_text("Earlier train")
    expect(page.locator("svg.qr")).to_have_count(0)
    someone_else.reload()
    assert left_on(card(someone_else, "Late checkout")) == before + 1
    page.get_by_role("link", name="Book another time").click()
    open_day(page)
    page.goto("/my/")
    past = page.locator("h2", has_text="Over or cancelled")
    expect(past).to_be_visible()
    expect(page.locator("h2", has_text="Upcoming")).to_have_count(0)
    page.locator(".card", has_text="Late checkout").click()
    expect(page).to_have_url(booking)


def test_a_guest_who_changes_their_mind_keeps_the_booking(page: Page):
    book(page, "Breakfast in the library")
    when = page.locator(".when").inner_text()
    page.get_by_role("link", name="Cancel", exact=True).click()
    page.get_by_role("link", name="Keep the booking").click()
    expect(page.locator(".when")).to_have_text(when)
    expect(page.locator("svg.qr")).to_be_visible()


def test_my_bookings_shows_what_comes_first_first(page: Page):
    book(page, "Canal tour", day=0)
    book(page, "Gym and sauna", day=-1)
    page.goto("/")
    page.get_by_role("link", name="My bookings").click()
    expect(page.locator(".card-title")).to_have_text(["Canal tour", "Gym and sauna"])


def guest_link(page: Page) -> str:
    page.goto("/my/")
    return page.get_by_label("Guest link").input_value()


class TestOnAnotherDevice:
    @pytest.fixture
    def page(self, page: Page) -> Page:
        """Be a guest with a booking."""
        book(page, "Massage")
        return page

    def test_the_guest_link_shows_the_same_bookings(self, page: Page, someone_else: Page):
        booking = page.url.split("?")[0]
        link = guest_link(page)
        someone_else.goto(link)
        expect(someone_else.get_by_text("1 upcoming booking.")).to_be_visible()
        someone_else.goto("/my/")
        expect(someone_else.get_by_text("There is no booking on this device yet.")).to_be_visible()
        someone_else.goto(link)
        someone_else.get_by_role("button", name="Show my bookings on this device").click()
        expect(someone_else.locator(".card-title")).to_have_text(["Massage"])
        someone_else.locator(".card").click()
        expect(someone_else).to_have_url(booking)
        someone_else.goto(link)
        expect(someone_else.get_by_text("This device has these bookings already.")).to_be_visible()

    def test_a_revoked_link_leads_to_a_new_one(self, page: Page, someone_else: Page):
        old = guest_link(page)
        page.get_by_role("button", name="Switch off all links").click()
        expect(page.get_by_role("status")).to_contain_text("switched off")
        new = page.get_by_label("Guest link").input_value()
        answer = someone_else.goto(old)
        assert answer.status == 404
        expect(someone_else.get_by_role("heading", level=1)).to_have_text("This link does not work")
        expect(someone_else.get_by_text("switched off by its guest")).to_be_visible()
        someone_else.get_by_label("Your e-mail address").fill("someone@example.com")
        someone_else.get_by_role("button", name="Send me my link").click()
        expect(someone_else.get_by_role("heading", level=1)).to_have_text("Look into your e-mail")
        someone_else.goto(new)
        expect(someone_else.get_by_role("button", name="Show my bookings")).to_be_visible()

    def test_a_forged_link_shows_nothing_of_the_guest(self, page: Page, someone_else: Page):
        link = guest_link(page)
        answer = someone_else.goto(link[:-2] + ("A/" if link[-2] != "A" else "B/"))
        assert answer.status == 404
        expect(someone_else.get_by_text("not complete or not genuine")).to_be_visible()
        expect(someone_else.get_by_role("button", name="Send me my link")).to_be_visible()
        assert not someone_else.context.cookies() or all(
            cookie["name"] != "guest" for cookie in someone_else.context.cookies()
        )

    def test_another_guests_booking_is_not_there(self, page: Page, someone_else: Page):
        booking = page.url.split("?")[0]
        book(someone_else, "Spa hour")
        for path in ("", "move/", "cancel/", "calendar.ics"):
            assert someone_else.goto(f"{booking}{path}").status == 404
            expect(someone_else.get_by_role("heading", level=1)).to_have_text("This page is not here")
        theirs = someone_else.locator("main").inner_text()
        assert someone_else.goto("/booking/b-mv000000-aaaaaaaaaaaa/").status == 404
        assert someone_else.locator("main").inner_text() == theirs
        someone_else.get_by_role("link", name="Get my link by e-mail").click()
        expect(someone_else.get_by_label("Your e-mail address")).to_be_visible()

    def test_a_device_that_is_left_shows_nothing_more(self, page: Page, someone_else: Page):
        booking = page.url.split("?")[0]
        link = guest_link(page)
        page.get_by_role("button", name="Leave this device").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Choose a voucher, then a time")
        assert page.goto(booking).status == 404
        page.goto("/my/")
        expect(page.get_by_text("There is no booking on this device yet.")).to_be_visible()
        someone_else.goto(link)
        expect(someone_else.get_by_text("1 upcoming booking.")).to_be_visible()


def test_a_guest_takes_their_data_along_and_has_it_deleted(
    page: Page, site: Site, new_context: Callable[..., BrowserContext]
):
    email = new_email()
    booking_id = book(page, "Spa hour", email=email)
    link = guest_link(page)
    page.get_by_role("link", name="To my data").click()
    expect(page.get_by_text(email)).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download everything").click()
    content = json.loads(Path(download.value.path()).read_text())
    assert [booking["id"] for booking in content["bookings"]] == [booking_id]
    assert content["bookings"][0]["guest_email"] == email
    page.get_by_role("button", name="Delete my data").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("This did not work")
    expect(page.get_by_role("alert")).not_to_be_empty()
    page.goto(f"/booking/{booking_id}/")
    cancel(page)
    page.goto("/my/data/")
    page.get_by_role("button", name="Delete my data").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your data is deleted")
    traces = site.rows(
        "SELECT guest_name, guest_email, guest_note FROM bookings_booking WHERE id = ?", booking_id
    )
    assert traces == [("", "", "")]
    page.goto("/my/")
    expect(page.get_by_text("There is no booking on this device yet.")).to_be_visible()
    elsewhere = new_context().new_page()
    assert elsewhere.goto(link).status == 404


def test_a_voucher_that_may_be_handed_on_reaches_another_guest_and_comes_back(
    page: Page, someone_else: Page, new_context: Callable[..., BrowserContext], site: Site
):
    be_demo_guest(page, site)
    page.goto("/?sort=title&q=canal")
    page.locator(".card", has_text="yours").click()
    page.get_by_role("link", name="The voucher’s own page").click()
    expect(page.locator(".facts")).to_contain_text("you may hand it on")
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_label("Link to hand the voucher on").input_value()
    someone_else.goto(link)
    someone_else.get_by_role("button", name="Take this voucher").click()
    expect(someone_else.locator(".facts")).to_contain_text("Yours")
    voucher = someone_else.url
    assert page.goto(voucher).status == 404
    late = new_context().new_page()
    assert late.goto(link).status == 404
    expect(late.get_by_text("handed on already")).to_be_visible()
    someone_else.get_by_role("button", name="Make a link").click()
    page.goto(someone_else.get_by_label("Link to hand the voucher on").input_value())
    page.get_by_role("button", name="Take this voucher").click()
    expect(page.locator(".facts")).to_contain_text("Yours")
    assert someone_else.goto(voucher).status == 404
