"""Two guests who meet on the portal, each with a browser of their own, and book one slot together."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.journeys.clock import now
from tests.journeys.delays import see, settle
from tests.journeys.guests import DESKTOP, Site, free_days, free_slots, new_email, tab_to
from tests.journeys.test_looks import examine

NewContext = Callable[..., BrowserContext]


def start(page: Page, name: str = "Ada") -> str:
    """Start a party; returns its link."""
    page.goto("/party/")
    form = page.locator("form[action='/party/start/']")
    form.get_by_label("Your name").fill(name)
    form.get_by_role("button").click()
    return page.get_by_label("Link of your party").input_value()


def ask_to_join(page: Page, link: str, name: str = "Bob") -> None:
    page.goto(urlsplit(link).path)
    page.get_by_label("Your name").fill(name)
    page.locator("form[action='/party/join/'] button").click()
    expect(page.locator("#party-now")).to_be_visible()


def meet(first: Page, second: Page) -> None:
    ask_to_join(second, start(first))
    first.get_by_role("button", name="Let in").click()
    expect(second.locator(".people")).to_contain_text("Ada")
    expect(first.locator(".people")).to_contain_text("Bob")


def bring(page: Page, title: str) -> str:
    """Bring an open voucher; returns the address for its confirmation."""
    choice = page.locator("[name=promise]")
    value = choice.locator("option", has_text=title).first.get_attribute("value")
    choice.select_option(value)
    email = new_email()
    page.locator("[name=email]").fill(email)
    page.locator("form[action='/party/bring/'] button").click()
    expect(page.locator("#month-grid")).to_be_visible()
    return email


def look_at(page: Page, *, day: int = -1, slot: int = 0) -> None:
    page.locator("#month-next").click()
    expect(page.locator("#month-previous[href]")).to_be_visible()
    free_days(page).nth(day).click()
    expect(free_slots(page).first).to_be_visible()
    free_slots(page).nth(slot).click()
    expect(page.locator("#party-press")).to_be_visible()


@pytest.mark.sample
def test_two_guests_meet_see_each_other_and_book_the_same_slot(
    page: Page, someone_else: Page, site: Site
) -> None:
    meet(page, someone_else)
    for guest in (page, someone_else):
        expect(guest.locator("#party-said")).to_have_text("Your party is complete.")
    emails = {bring(page, "Breakfast"), bring(someone_else, "Breakfast")}
    look_at(page)
    # The other sees what this one looks at, and goes there with one press.
    line = someone_else.locator(".person", has_text="Ada")
    expect(line).to_contain_text("looks at")
    line.get_by_role("link").click()
    expect(someone_else.locator("#party-press")).to_contain_text("for all 2")
    expect(page.locator("#party-press")).to_contain_text("for all 2")
    someone_else.locator("#party-press").click()
    for guest in (someone_else, page):
        said = guest.locator(".notice-good")
        expect(said).to_contain_text(re.compile("Bob has booked .* for Ada, Bob"))
        expect(guest.get_by_role("link", name="See your booking")).to_be_visible()
    sql = "SELECT DISTINCT slot_start, status FROM bookings_booking WHERE guest_email IN (?, ?)"
    assert len(site.rows(sql, *emails)) == 1
    assert site.number(sql.replace("DISTINCT slot_start, status", "COUNT(*)"), *emails) == 2
    page.get_by_role("link", name="See your booking").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Breakfast")


def test_whoever_closes_the_page_disappears_from_the_others(page: Page, someone_else: Page) -> None:
    meet(page, someone_else)
    someone_else.close()
    expect(page.locator(".people")).not_to_contain_text("Bob")
    expect(page.locator("#party-said")).to_have_text("1 of 2 are here.")


def be_silent_for_a_minute(site: Site, name: str) -> None:
    """Let a minute have passed since a member was seen."""
    long_ago = now() - timedelta(seconds=61)
    with closing(sqlite3.connect(site.database, timeout=60)) as connection, connection:
        connection.execute(
            "UPDATE presence_presence SET last_seen = ? WHERE uid IN"
            " (SELECT uid FROM parties_member WHERE name = ?)",
            [long_ago.strftime("%Y-%m-%d %H:%M:%S.%f"), name],
        )


def test_whoever_loses_the_connection_disappears_within_the_minute(
    page: Page, new_context: NewContext, site: Site
) -> None:
    other = new_context().new_page()
    meet(page, other)
    other.context.set_offline(True)

    def is_gone() -> bool:
        # What the other had asked for just before may reach the server after the silence began.
        be_silent_for_a_minute(site, "Bob")
        return "Bob" not in page.locator(".people").inner_text()

    see(page, is_gone, what="the other to disappear")
    other.context.set_offline(False)
    other.reload()
    expect(page.locator(".people")).to_contain_text("Bob")


def test_whoever_is_turned_away_sees_nothing_of_the_party(page: Page, someone_else: Page) -> None:
    link = start(page)
    ask_to_join(someone_else, link, "Eve")
    expect(page.locator(".notice-ask")).to_contain_text("Eve asks to join you.")
    page.locator("[id^=turn-away-]").click()
    expect(someone_else.get_by_role("button", name="Make a code")).to_be_visible()
    someone_else.goto(urlsplit(link).path)
    someone_else.get_by_label("Your name").fill("Eve again")
    someone_else.locator("form[action='/party/join/'] button").click()
    expect(someone_else.locator(".error")).to_contain_text("did not let you in")


def test_leaving_leaves_nothing(page: Page, site: Site) -> None:
    start(page, "Greta Garbo")
    assert site.number("SELECT COUNT(*) FROM parties_member WHERE name = 'Greta Garbo'") == 1
    page.get_by_role("button", name="Leave the party").click()
    expect(page.get_by_role("button", name="Make a code")).to_be_visible()
    assert site.number("SELECT COUNT(*) FROM parties_member WHERE name = 'Greta Garbo'") == 0


def test_a_party_meets_and_books_without_javascript(new_context: NewContext, site: Site) -> None:
    first, second = (new_context(java_script_enabled=False).new_page() for _each in range(2))
    ask_to_join(second, start(first))
    first.get_by_role("link", name="See who is here now").click()
    first.get_by_role("button", name="Let in").click()
    second.get_by_role("link", name="See whether they have").click()
    expect(second.locator(".people")).to_contain_text("Ada")
    emails = [bring(first, "Meeting-room hour"), bring(second, "Meeting-room hour")]
    first.locator("#month-next").click()
    free_days(first).last.click()
    free_slots(first).first.click()
    # A room for one party: the second place is missing, so nobody is booked.
    first.locator("#party-press").click()
    expect(first.locator(".notice-bad")).to_contain_text("Nobody is booked.")
    second.reload()
    expect(second.locator(".notice-bad")).to_contain_text("Nobody is booked.")
    sql = "SELECT COUNT(*) FROM bookings_booking WHERE guest_email IN (?, ?)"
    assert site.number(sql, *emails) == 0


def test_a_party_is_joined_with_the_keyboard_alone(page: Page, someone_else: Page) -> None:
    ask_to_join(someone_else, start(page))
    expect(page.locator(".notice-ask")).to_be_visible()
    page.locator("h1").click()
    tab_to(page, "[id^=let-in-]")
    page.keyboard.press("Enter")
    expect(someone_else.locator(".people")).to_contain_text("Ada")


def test_a_page_that_nobody_looks_at_asks_nothing(new_context: NewContext) -> None:
    page = new_context(is_turned=True).new_page()
    start(page)
    with page.expect_response("**/party/now/**"):
        page.clock.fast_forward("00:15")
    settle(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    page.evaluate(
        "() => { Object.defineProperty(document, 'visibilityState', {get: () => 'hidden'});"
        " document.dispatchEvent(new Event('visibilitychange')); }"
    )
    page.clock.fast_forward("01:00")
    # What a timer had asked for would have been asked before this.
    page.evaluate("fetch('/party/').then(answer => answer.text())")
    assert asked == ["/party/"]


def test_everyone_can_use_the_pages_of_a_party(page: Page, someone_else: Page) -> None:
    page.goto("/party/")
    examine(page)
    link = start(page, "Wolfeschlegelsteinhausenbergerdorff")
    examine(page)
    someone_else.goto(urlsplit(link).path)
    examine(someone_else)
    ask_to_join(someone_else, link, "Rindfleischetikettierungsüberwachung")
    examine(someone_else)
    expect(page.locator(".notice-ask")).to_be_visible()
    examine(page)
    page.get_by_role("button", name="Let in").click()
    expect(someone_else.locator(".people")).to_be_visible()
    for guest in (page, someone_else):
        guest.set_viewport_size(DESKTOP)
        bring(guest, "Dinner for two")
    look_at(page)
    expect(page.locator("#party-press")).to_contain_text("for all 2")
    examine(page)
    page.locator("#party-press").click()
    expect(page.locator(".notice-good, .notice-bad").first).to_be_visible()
    examine(page)


def test_a_press_that_is_refused_leaves_an_address_that_can_be_opened_again(
    page: Page, someone_else: Page
) -> None:
    link = start(page)
    ask_to_join(someone_else, link, "Bob")
    expect(page.locator(".notice-ask")).to_be_visible()
    page.route("**/party/now/**", lambda route: route.abort())
    someone_else.get_by_role("button", name="Leave the party").click()
    expect(someone_else.get_by_role("heading", level=1)).to_be_visible()
    page.get_by_role("button", name="Let in").click()
    expect(page.locator(".notice-bad")).to_be_visible()
    answer = page.reload()
    assert answer is not None
    assert answer.status == 200
    assert urlsplit(page.url).path == "/party/"
