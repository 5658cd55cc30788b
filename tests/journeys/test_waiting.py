"""Two guests want the same hour: it is held for one while they type, and the other waits in line for it."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.journeys.clock import clocked
from tests.journeys.guests import (
    Site,
    cancel,
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
from tests.patience import until
from tests.workers import working

NewContext = Callable[..., BrowserContext]
# One guest at a time, with times enough for every test here.
ONE_PLACE = "Meeting-room hour"
_HOLDS = "SELECT COUNT(*) FROM bookings_hold WHERE kind = 'form' AND slot_start = ?"
_HELD_UNTIL = "SELECT expires_at FROM bookings_hold WHERE kind = 'form' AND slot_start = ?"


@pytest.fixture
def worker(site: Site, tmp_path: Path) -> Iterator[None]:
    with working(f"sqlite:///{site.database}", tmp_path / "worker.log", 1, **clocked()):
        yield


@pytest.fixture
def guests(new_context: NewContext) -> Callable[..., Page]:
    """Return a page of a new guest's browser."""
    return lambda **options: new_context(**options).new_page()


def come_to_day(page: Page, *, number: int) -> None:
    page.goto("/")
    open_voucher(page, ONE_PLACE)
    next_month(page)
    open_day(page, number=number)


def start_of(slot: str) -> str:
    """Return a slot's start as SQLite keeps it."""
    return slot.removeprefix("slot-").removesuffix("Z").replace("T", " ")


def held(site: Site, slot: str) -> int:
    return site.number(_HOLDS, start_of(slot))


def shown(page: Page, slot: str) -> Locator:
    """Return the slot of an id on its day, free or full."""
    return page.locator(f"#slot-list a[href*='{slot.replace(':', '%3A')}']")


def see_offer(page: Page, entry: str) -> None:
    """Look at an entry's page until the worker has offered the place."""

    def is_offered() -> bool:
        page.goto(entry)
        return page.get_by_role("button", name=re.compile("^Book ")).count() > 0

    until(is_offered, what="the offer")


@pytest.mark.sample
def test_a_chosen_time_is_held_and_the_form_says_until_when(page: Page, someone_else: Page, site: Site):
    come_to_day(page, number=0)
    slot = open_slot(page)
    ends = datetime.fromisoformat(f"{site.rows(_HELD_UNTIL, start_of(slot))[0][0]}+00:00")
    there, here = (ends.astimezone(ZoneInfo(zone)) for zone in ("America/New_York", "Europe/London"))
    line = page.locator(".held")
    expect(line).to_contain_text(f"Held for you until {there:%H:%M}.")
    # In the hours in which the hotel's day is not the guest's, the day is said as well.
    day = "" if here.date() == there.date() else f"{here:%a} {here.day} {here:%b}, "
    expect(line).to_contain_text(f"On your clock: {day}{here:%H:%M}.")
    someone_else.goto(re.sub("&slot=[^&]*", "", page.url))
    expect(shown(someone_else, slot)).to_contain_text("full: wait")
    shown(someone_else, slot).click()
    expect(someone_else.get_by_role("heading", level=1)).to_have_text("Join the waiting list")


def test_a_slip_of_the_pen_does_not_cost_the_place(page: Page, site: Site):
    come_to_day(page, number=0)
    slot = open_slot(page)
    fill_form(page, email="ada@nowhere")
    page.locator("#booking-form button[name=slot]").click()
    expect(page.locator(".field-bad")).to_be_visible()
    expect(page.locator(".held")).to_contain_text("Held for you until")
    assert held(site, slot) == 1


def test_not_this_time_gives_the_place_back(page: Page, someone_else: Page, site: Site):
    come_to_day(page, number=0)
    slot = open_slot(page)
    page.get_by_role("button", name="Not this time").click()
    expect(page.locator("#booking-form")).to_have_count(0)
    expect(page.locator("#day-title")).to_be_focused()
    assert held(site, slot) == 0
    someone_else.goto(page.url)
    expect(shown(someone_else, slot)).not_to_contain_text("full")


def test_leaving_the_page_gives_the_place_back(page: Page, site: Site):
    come_to_day(page, number=0)
    slot = open_slot(page)
    assert held(site, slot) == 1
    page.goto("/my/")
    until(lambda: held(site, slot) == 0, what="the place to be given back")


def test_a_lapsed_hold_is_told(guests: Callable[..., Page]):
    page = guests(is_turned=True)
    come_to_day(page, number=0)
    open_slot(page)
    # The page counts from the moment at which it has noted the hold.
    expect(page.locator(".held[data-ends]")).to_be_visible()
    ends = int(page.locator(".held").get_attribute("data-ends") or 0) / 1000
    # However long it took to come here.
    page.clock.pause_at(ends - 1)
    expect(page.locator(".held")).to_contain_text("Held for you until")
    page.clock.resume()
    expect(page.locator(".held")).to_contain_text("no longer held for you")
    expect(page.locator("#said")).to_contain_text("no longer held for you")
    fill_form(page)
    press_book(page)


def test_what_is_full_is_waited_for_passed_on_and_accepted(
    page: Page, guests: Callable[..., Page], worker: None
):
    come_to_day(page, number=1)
    slot = open_slot(page)
    line = join_address(page, slot)
    fill_form(page)
    booking = press_book(page)
    first, second = guests(), guests()
    entry = wait_in_line(first, line)
    expect(first.get_by_role("status")).to_have_text("You are number 1 in line.")
    other_entry = wait_in_line(second, line)
    expect(second.get_by_role("status")).to_have_text("You are number 2 in line.")
    cancel(page, booking)
    see_offer(first, entry)
    expect(first.locator(".held")).to_contain_text("Held for you until")
    first.goto("/my/")
    expect(first.locator(".card", has_text="A place for you")).to_contain_text("held until")
    first.goto(entry)
    first.get_by_role("button", name="Pass it to the next in line").click()
    expect(first.get_by_role("status")).to_have_text("You have passed the place on.")
    see_offer(second, other_entry)
    second.get_by_role("button", name=re.compile("^Book ")).click()
    expect(second).to_have_url(re.compile(r"/booking/b-[^/]+/\?new"))
    expect(second.get_by_role("status")).to_contain_text("Booked.")
    second.goto(other_entry)
    expect(second.get_by_role("status")).to_have_text("You have booked the place.")


def test_the_line_works_without_javascript(guests: Callable[..., Page], site: Site, worker: None):
    booker, waiter = guests(java_script_enabled=False), guests(java_script_enabled=False)
    booker.goto("/")
    booker.locator(".card", has_text=ONE_PLACE).locator("visible=true").first.click()
    booker.get_by_role("link", name="Next month").click()
    booker.locator("#month-grid a.cell:not(.cell-full)").nth(2).click()
    day = booker.url
    address = open_slot_unheld(booker)
    slot = parse_qs(urlsplit(address).query)["slot"][0]
    expect(booker.locator(".held")).to_have_count(0)
    assert held(site, slot) == 0
    fill_form(booker)
    booking = press_book(booker)
    waiter.goto(day)
    shown(waiter, slot).click()
    entry = wait_in_line(waiter, waiter.url)
    cancel(booker, booking)
    see_offer(waiter, entry)
    waiter.get_by_role("button", name=re.compile("^Book ")).click()
    expect(waiter.get_by_role("status")).to_contain_text("Booked.")


def test_who_leaves_the_line_can_go_back_to_the_calendar(page: Page, someone_else: Page):
    come_to_day(someone_else, number=1)
    slot = open_slot(someone_else)
    wait_in_line(page, join_address(someone_else, slot))
    page.get_by_role("button", name="Leave the line").click()
    expect(page.get_by_role("status")).to_have_text("You have left the line.")
    page.get_by_role("link", name="To the calendar").click()
    expect(page.locator("#day-title")).to_be_visible()
