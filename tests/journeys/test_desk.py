"""A clerk's morning at the front desk, in a browser."""

import re
from collections.abc import Callable
from contextlib import suppress

import pytest
from playwright.sync_api import APIResponse, BrowserContext, Error, Locator, Page, Route, expect

from tests.journeys.delays import ended_requests, let_intervals_stand, see, settle
from tests.journeys.guests import PHONE, Hand, Site, book
from tests.journeys.test_looks import examine

NewContext = Callable[..., BrowserContext]


@pytest.fixture
def clerk(new_context: NewContext, site: Site) -> Page:
    """Sign in on a phone; the desk asks for nothing and sends nothing by itself there."""
    context = new_context(viewport=PHONE)
    let_intervals_stand(context)
    return sign_in(context.new_page(), site)


@pytest.fixture
def busy_clerk(new_context: NewContext, site: Site) -> Page:
    """Sign in on a phone whose desk sends a little later what could not be sent at once."""
    return sign_in(new_context(viewport=PHONE).new_page(), site)


def sign_in(page: Page, site: Site) -> Page:
    page.goto("/desk/")
    page.get_by_label("Username").fill("staff")
    page.get_by_label("Password").fill(site.staff_password)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#desk")).to_be_visible()
    return page


def code_of(site: Site, booking: str) -> str:
    (voucher,) = site.rows("SELECT voucher_id FROM bookings_booking WHERE id = ?", booking)[0]
    return site.code_of(voucher)


def line(page: Page, booking: str, site: Site) -> str:
    (voucher,) = site.rows("SELECT voucher_id FROM bookings_booking WHERE id = ?", booking)[0]
    return f"#line-{voucher}"


def day_of(site: Site, booking: str) -> str:
    """Return the address of the desk on a booking's day, by its hotel's clock."""
    row = site.rows("SELECT issuer_uid, date(slot_start) FROM bookings_booking WHERE id = ?", booking)[0]
    return f"/desk/?hotel={row[0]}&day={row[1]}"


def status_of(site: Site, booking: str) -> str:
    (voucher,) = site.rows("SELECT voucher_id FROM bookings_booking WHERE id = ?", booking)[0]
    return str(site.rows("SELECT status FROM vouchers_voucher WHERE id = ?", voucher)[0][0])


@pytest.mark.sample
def test_a_clerks_morning(page: Page, clerk: Page, site: Site) -> None:
    first, second = (book(page, title) for title in ("Canal tour", "Dinner for two"))
    # Redeemed from the day's list with one tap, and taken back.
    clerk.goto(day_of(site, first))
    hand = Hand()
    row = clerk.locator(line(clerk, first, site))
    hand.click(row.get_by_role("button", name="Redeem"))
    expect(row.locator(".chip-consumed")).to_be_visible()
    assert hand.clicks == 1
    assert status_of(site, first) == "consumed"
    row.get_by_role("button", name="Undo").click()
    expect(row.locator(".chip-booked")).to_be_visible()
    assert status_of(site, first) == "booked"
    # Found by the code that the guest shows, and by name.
    clerk.get_by_label("Name, id or code").fill(code_of(site, first))
    clerk.get_by_role("button", name="Find").click()
    expect(clerk.locator(line(clerk, first, site))).to_be_visible()
    clerk.get_by_label("Name, id or code").fill("lovelace")
    clerk.keyboard.press("Enter")
    expect(clerk.locator(line(clerk, second, site))).to_be_visible()
    # Cancelled with a reason.
    clerk.locator(line(clerk, second, site)).get_by_role("link", name="Cancel").click()
    clerk.get_by_label("Reason").fill("The pool is closed.")
    clerk.get_by_role("button", name="Cancel the booking").click()
    expect(clerk.locator("#desk")).to_be_visible()
    sql = "SELECT cancel_reason FROM bookings_booking WHERE id = ?"
    assert site.rows(sql, second)[0][0] == "The pool is closed."


def test_a_walk_in_is_booked_in_five_taps(clerk: Page, site: Site) -> None:
    hand = Hand()
    hand.click(clerk.get_by_role("link", name="Walk-in"))
    hand.click(clerk.locator(".card").first)
    hand.click(clerk.locator(".desk-choose a").first)
    hand.click(clerk.locator(".slot-choice").first)
    clerk.get_by_label("Name of the guest").fill("Walter Walk")
    hand.click(clerk.get_by_role("button", name="Book"))
    expect(clerk.locator(".desk-line", has_text="Walter Walk")).to_be_visible()
    assert hand.clicks == 5
    assert site.number("SELECT COUNT(*) FROM bookings_booking WHERE guest_name = 'Walter Walk'") == 1


def test_without_a_connection_redemptions_are_kept_and_sent_and_a_conflict_is_shown(
    page: Page, busy_clerk: Page, site: Site, complaints: list[str]
) -> None:
    clerk = busy_clerk
    kept, conflicting = (book(page, title) for title in ("Canal tour", "Rooftop bar evening"))
    for booking in (kept, conflicting):
        clerk.goto(day_of(site, booking))
        expect(clerk.locator(line(clerk, booking, site))).to_be_visible()
        clerk.context.set_offline(True)
        # The code on the guest's phone is known without asking anyone.
        clerk.get_by_label("Name, id or code").fill(code_of(site, booking))
        clerk.keyboard.press("Enter")
        row = clerk.locator(line(clerk, booking, site))
        redeem = row.get_by_role("button", name="Redeem")
        expect(redeem).to_be_focused()
        redeem.click()
        expect(clerk.locator("#desk-said")).to_contain_text("Kept, to be sent: Ada Lovelace")
        assert status_of(site, booking) == "booked"
        if booking == conflicting:
            # Another desk was faster.
            site.redeem(booking)
        clerk.context.set_offline(False)
        expect(clerk.locator("#desk-said")).not_to_contain_text("Kept")
        assert status_of(site, booking) == "consumed"
    conflict = clerk.locator("#desk-conflicts li")
    expect(conflict).to_contain_text("This voucher has been used.")
    clerk.reload()
    expect(conflict).to_have_count(1)
    conflict.get_by_role("button").click()
    expect(conflict).to_have_count(0)
    # A code that was used is found, and the next Enter takes nothing back.
    clerk.context.set_offline(True)
    clerk.get_by_label("Name, id or code").fill(code_of(site, conflicting))
    clerk.keyboard.press("Enter")
    expect(clerk.locator(line(clerk, conflicting, site))).to_be_focused()
    clerk.keyboard.press("Enter")
    clerk.context.set_offline(False)
    assert status_of(site, conflicting) == "consumed"
    # A browser complains of the connection that was taken away, and of nothing else.
    lost = ("ERR_INTERNET_DISCONNECTED", "htmx:sendError", "htmx:afterRequest")
    complaints[:] = [text for text in complaints if not any(word in text for word in lost)]


def keep(clerk: Page, row: Locator) -> None:
    """Redeem without a connection."""
    clerk.context.set_offline(True)
    row.get_by_role("button", name="Redeem").click()
    expect(clerk.locator("#desk-said")).to_contain_text("Kept, to be sent: Ada Lovelace")


def forgive_lost_connections(complaints: list[str]) -> None:
    """A browser complains of the connection that was taken away: what else it says is kept."""
    lost = ("net::ERR_", "with a status of 5", "htmx:sendError", "htmx:sendAbort", "htmx:afterRequest")
    complaints[:] = [text for text in complaints if not any(word in text for word in lost)]


def test_a_kept_redemption_of_a_cancelled_booking_uses_nobodys_voucher(
    busy_clerk: Page, site: Site, complaints: list[str]
) -> None:
    clerk = busy_clerk
    booking = site.reserve("Canal tour")
    clerk.goto(day_of(site, booking))
    row = clerk.locator(line(clerk, booking, site))
    keep(clerk, row)
    site.cancel(booking)
    clerk.context.set_offline(False)
    conflict = clerk.locator("#desk-conflicts li")
    expect(conflict).to_contain_text("is not the one that was shown here any more")
    assert status_of(site, booking) == "issued"
    forgive_lost_connections(complaints)


def hand_in(*pages: Page) -> None:
    """Let pages send what is kept."""
    for page in pages:
        page.evaluate("dispatchEvent(new Event('online'))")


def wait_until_handed_in(page: Page) -> None:
    """Wait until a page that has begun to send is done: it holds the lock until then."""
    page.evaluate("() => navigator.locks.request('desk-queue', () => {})")


def kept(page: Page, name: str = "desk-queue") -> list[dict[str, str]]:
    """Return what is kept on the device."""
    return list(page.evaluate("(name) => JSON.parse(localStorage.getItem(name) || '[]')", name))


def lose_the_connection(page: Page) -> None:
    """Break off the next redemption."""
    page.route("**/desk/redeem/", lambda route: route.abort("connectionreset"), times=1)


def redeem(page: Page, booking: str, site: Site) -> None:
    """Press the button on a booking's line."""
    page.locator(line(page, booking, site)).get_by_role("button", name="Redeem").click()


def test_a_refusal_that_breaks_off_is_asked_for_again(clerk: Page, site: Site, complaints: list[str]) -> None:
    booking = site.reserve("Canal tour")
    clerk.goto(day_of(site, booking))
    lose_the_connection(clerk)
    redeem(clerk, booking, site)
    expect(clerk.locator("#desk-said")).to_contain_text("Kept")
    site.redeem(booking)
    clerk.evaluate(
        """() => {
          const whole = window.fetch;
          window.fetch = async (...asked) => {
            const { status } = await whole(...asked);
            window.fetch = whole;
            const start = (control) => control.error(new TypeError("broken off"));
            return new Response(new ReadableStream({ start }), { status });
          };
        }"""
    )
    with clerk.expect_response("**/desk/redeem/"):
        hand_in(clerk)
    wait_until_handed_in(clerk)
    assert [item["name"] for item in kept(clerk)] == ["Ada Lovelace"]
    hand_in(clerk)
    expect(clerk.locator("#desk-conflicts li")).to_contain_text("This voucher has been used.")
    assert kept(clerk) == []
    forgive_lost_connections(complaints)


def test_of_two_pages_one_sends_what_is_kept(
    page: Page, clerk: Page, site: Site, complaints: list[str]
) -> None:
    booking = site.reserve("Canal tour")
    other = clerk.context.new_page()
    for one in (clerk, other):
        one.goto(day_of(site, booking))
    lose_the_connection(clerk)
    redeem(clerk, booking, site)
    expect(clerk.locator("#desk-said")).to_contain_text("Kept")
    # The first page's request is on its way when the second begins.
    held: list[Route] = []
    clerk.context.route("**/desk/redeem/", lambda route: held.append(route))
    with clerk.expect_request("**/desk/redeem/"):
        hand_in(clerk)
    hand_in(other)
    # Locks are asked for in turn: when this one is refused, so is the page's own.
    other.evaluate("() => navigator.locks.request('desk-queue', { ifAvailable: true }, () => {})")
    assert len(held) == 1
    held[0].continue_()
    expect(clerk.locator("#desk-said")).not_to_contain_text("Kept")
    assert (status_of(site, booking), kept(clerk, "desk-conflicts")) == ("consumed", [])
    forgive_lost_connections(complaints)


def look(page: Page) -> None:
    """Come back to the page, which asks for its list then."""
    page.evaluate("document.activeElement.blur(); document.dispatchEvent(new Event('visibilitychange'))")


def test_what_was_pressed_and_taken_back_elsewhere_is_shown(page: Page, clerk: Page, site: Site) -> None:
    booking = site.reserve("Canal tour")
    clerk.goto(day_of(site, booking))
    with clerk.expect_response("**/desk/?*"):
        look(clerk)
    row = clerk.locator(line(clerk, booking, site))
    redeem(clerk, booking, site)
    expect(row.locator(".chip-consumed")).to_be_visible()
    # The list is the very one that the page asked for last.
    site.undo(booking)
    look(clerk)
    expect(row.locator(".chip-booked")).to_be_visible()


def test_a_list_asked_for_before_a_press_does_not_come_into_the_page(
    clerk: Page, site: Site, complaints: list[str]
) -> None:
    booking = site.reserve("Canal tour")
    clerk.goto(day_of(site, booking))
    row = clerk.locator(line(clerk, booking, site))
    held: list[tuple[Route, APIResponse]] = []
    ended = ended_requests(clerk)
    clerk.route("**/desk/?*", lambda route: held.append((route, route.fetch())), times=1)
    with clerk.expect_request("**/desk/?*"):
        look(clerk)
    redeem(clerk, booking, site)
    expect(row.locator(".chip-consumed")).to_be_visible()
    with suppress(Error):
        held[0][0].fulfill(response=held[0][1])
    see(clerk, lambda: held[0][0].request in ended, what="the end of the list's request")
    settle(clerk)
    assert row.locator(".chip-consumed").is_visible()
    forgive_lost_connections(complaints)


def put_aside(clerk: Page, site: Site, *bookings: str) -> None:
    """Keep redemptions on the device as the page does."""
    items = []
    for booking in bookings:
        (voucher,) = site.rows("SELECT voucher_id FROM bookings_booking WHERE id = ?", booking)[0]
        items.append({"voucher": voucher, "booking": booking, "name": "Ada Lovelace"})
    clerk.evaluate("(items) => localStorage.setItem('desk-queue', JSON.stringify(items))", items)


@pytest.mark.parametrize(("status", "is_next_sent"), [(429, True), (500, True), (503, False)])
def test_what_an_outage_answers_is_kept(
    clerk: Page, site: Site, complaints: list[str], status: int, is_next_sent: bool
) -> None:
    first, second = (site.reserve(title) for title in ("Canal tour", "Dinner for two"))
    put_aside(clerk, site, first, second)
    clerk.route("**/desk/redeem/", lambda route: route.fulfill(status=status, body="no"), times=1)
    with clerk.expect_response("**/desk/redeem/"):
        hand_in(clerk)
    wait_until_handed_in(clerk)
    if is_next_sent:
        expect(clerk.locator("#desk-said")).to_have_text("Kept, to be sent: Ada Lovelace")
    assert len(kept(clerk)) == (1 if is_next_sent else 2)
    sent = ["booked", "consumed" if is_next_sent else "booked"]
    assert [status_of(site, one) for one in (first, second)] == sent
    hand_in(clerk)
    expect(clerk.locator("#desk-said")).to_be_empty()
    assert [status_of(site, one) for one in (first, second)] == ["consumed", "consumed"]
    assert kept(clerk, "desk-conflicts") == []
    forgive_lost_connections(complaints)


def sign_out(page: Page) -> None:
    """Let the sign-in run out."""
    page.context.clear_cookies(name="sessionid")


def test_whoever_is_signed_out_signs_in_and_is_back_at_the_desk(clerk: Page, site: Site) -> None:
    booking = site.reserve("Canal tour")
    here = day_of(site, booking)
    for press in (lambda: look(clerk), lambda: redeem(clerk, booking, site)):
        clerk.goto(here)
        sign_out(clerk)
        press()
        expect(clerk).to_have_url(re.compile(r"/admin/login/\?next="))
        clerk.get_by_label("Username").fill("staff")
        clerk.get_by_label("Password").fill(site.staff_password)
        clerk.get_by_role("button", name="Log in").click()
        expect(clerk).to_have_url(re.compile(re.escape(here)))
        expect(clerk.locator("#desk")).to_be_visible()
    assert status_of(site, booking) == "booked"


@pytest.mark.parametrize("status", [0, 403])
def test_what_is_kept_waits_for_the_next_sign_in(
    clerk: Page, site: Site, complaints: list[str], status: int
) -> None:
    booking = site.reserve("Canal tour")
    clerk.goto(day_of(site, booking))
    lose_the_connection(clerk)
    redeem(clerk, booking, site)
    expect(clerk.locator("#desk-said")).to_contain_text("Kept")
    if status:
        clerk.route("**/desk/redeem/", lambda route: route.fulfill(status=status, body="no"), times=1)
    sign_out(clerk)
    hand_in(clerk)
    clerk.locator("#desk-said").get_by_role("link", name="Please sign in again").click()
    clerk.get_by_label("Username").fill("staff")
    clerk.get_by_label("Password").fill(site.staff_password)
    clerk.get_by_role("button", name="Log in").click()
    expect(clerk.locator(f"{line(clerk, booking, site)}.desk-done")).to_be_visible()
    expect(clerk.locator("#desk-said")).to_be_empty()
    assert status_of(site, booking) == "consumed"
    forgive_lost_connections(complaints)


@pytest.mark.parametrize("status", [403, 429, 500, 503])
def test_an_answer_that_is_no_line_leaves_the_desk_where_it_is(
    page: Page, clerk: Page, site: Site, complaints: list[str], status: int
) -> None:
    booking = site.reserve("Canal tour")
    clerk.goto(day_of(site, booking))
    page_of_proxy = {"status": status, "body": "<h1>Proxy</h1>", "content_type": "text/html"}
    clerk.route("**/desk/redeem/", lambda route: route.fulfill(**page_of_proxy), times=1)
    redeem(clerk, booking, site)
    row = clerk.locator(line(clerk, booking, site))
    if status < 500:
        words = "Please try again in a moment." if status == 429 else "Please reload the page"
        expect(row.get_by_role("alert")).to_contain_text(words)
        redeem(clerk, booking, site)
    else:
        expect(clerk.locator("#desk-said")).to_have_text("Kept, to be sent: Ada Lovelace")
        expect(clerk.locator("#notice")).to_be_empty()
        hand_in(clerk)
    expect(row.locator(".chip-consumed")).to_be_visible()
    expect(row.get_by_role("alert")).to_have_count(0)
    expect(clerk.locator("h1")).not_to_have_text("Proxy")
    forgive_lost_connections(complaints)


def test_what_somebody_else_keeps_is_neither_named_nor_sent(clerk: Page, site: Site) -> None:
    own, others = (site.reserve(title) for title in ("Canal tour", "Dinner for two"))
    put_aside(clerk, site, own, others)
    clerk.evaluate(
        """() => {
          const items = JSON.parse(localStorage.getItem("desk-queue"));
          items[0].user = document.getElementById("desk").dataset.user;
          items[1].user = "0";
          items[1].name = "Grace Hopper";
          localStorage.setItem("desk-queue", JSON.stringify(items));
          const conflict = { name: "Alan Turing", why: "used", user: "0" };
          localStorage.setItem("desk-conflicts", JSON.stringify([conflict]));
        }"""
    )
    hand_in(clerk)
    words = "Waiting here until the person who redeemed them signs in again: 2"
    expect(clerk.locator("#desk-said")).to_have_text(words)
    assert [status_of(site, one) for one in (own, others)] == ["consumed", "booked"]
    assert [item["name"] for item in kept(clerk)] == ["Grace Hopper"]
    expect(clerk.locator("#desk-conflicts")).to_be_empty()
    assert "Alan Turing" not in clerk.content()


def test_what_is_kept_says_whose_it_is(page: Page, clerk: Page, site: Site, complaints: list[str]) -> None:
    booking = site.reserve("Canal tour")
    clerk.goto(day_of(site, booking))
    lose_the_connection(clerk)
    redeem(clerk, booking, site)
    expect(clerk.locator("#desk-said")).to_contain_text("Kept")
    user = clerk.locator("#desk").get_attribute("data-user")
    assert [item["user"] for item in kept(clerk)] == [user]
    site.redeem(booking)
    hand_in(clerk)
    expect(clerk.locator("#desk-conflicts li")).to_be_visible()
    assert [item["user"] for item in kept(clerk, "desk-conflicts")] == [user]
    # The list of somebody else who has signed in on another page is no part of this one.
    clerk.evaluate("document.getElementById('desk').dataset.user = '0'")
    site.undo(booking)
    with clerk.expect_navigation():
        look(clerk)
    expect(clerk.locator("#desk")).to_have_attribute("data-user", user or "")
    forgive_lost_connections(complaints)


def test_a_conflict_that_is_read_on_one_page_is_gone_from_the_other(clerk: Page) -> None:
    other = clerk.context.new_page()
    clerk.evaluate(
        """() => localStorage.setItem("desk-conflicts", JSON.stringify(
          ["One", "Two", "Three"].map((name, place) => ({ id: `${place}`, name, why: "used" }))
        ))"""
    )
    for one in (clerk, other):
        one.goto("/desk/")
        expect(one.locator("#desk-conflicts li")).to_have_count(3)
    clerk.locator("#desk-conflicts button").first.click()
    expect(other.locator("#desk-conflicts li")).to_have_count(2)
    # A page that has not heard of it takes none but the one that was read.
    other.evaluate(
        """() => {
          const two = JSON.parse(localStorage.getItem("desk-conflicts"))[1];
          localStorage.setItem("desk-conflicts", JSON.stringify([two]));
        }"""
    )
    other.locator("#desk-conflicts li", has_text="Two").get_by_role("button").click()
    assert [item["name"] for item in kept(clerk, "desk-conflicts")] == ["Three"]
    expect(clerk.locator("#desk-conflicts li")).to_have_count(1)


def test_the_same_refusal_twice_is_read_twice(clerk: Page, site: Site, complaints: list[str]) -> None:
    booking = site.reserve("Canal tour")
    clerk.goto(day_of(site, booking))
    site.redeem(booking)
    for number in (1, 2):
        put_aside(clerk, site, booking)
        hand_in(clerk)
        expect(clerk.locator("#desk-conflicts li")).to_have_count(number)
    clerk.locator("#desk-conflicts button").first.click()
    expect(clerk.locator("#desk-conflicts li")).to_have_count(1)
    forgive_lost_connections(complaints)


def test_a_kept_line_stays_marked_when_the_list_comes_anew(
    clerk: Page, site: Site, complaints: list[str]
) -> None:
    booking = site.reserve("Canal tour")
    clerk.goto(day_of(site, booking))
    clerk.route("**/desk/redeem/", lambda route: route.abort("connectionreset"))
    redeem(clerk, booking, site)
    marked = clerk.locator(f"{line(clerk, booking, site)}.desk-done")
    expect(marked).to_be_visible()
    clerk.evaluate("document.getElementById('desk-list').dataset.before = 'yes'")
    look(clerk)
    expect(clerk.locator("#desk-list:not([data-before])")).to_be_visible()
    settle(clerk)
    assert marked.is_visible()
    forgive_lost_connections(complaints)


def test_the_list_keeps_itself_fresh(new_context: NewContext, site: Site) -> None:
    booking = site.reserve("Canal tour")
    clerk = sign_in(new_context(viewport=PHONE, is_turned=True).new_page(), site)
    clerk.goto(day_of(site, booking))
    row = clerk.locator(line(clerk, booking, site))
    expect(row.locator(".chip-booked")).to_be_visible()
    site.redeem(booking)
    clerk.clock.fast_forward("00:15")
    expect(row.locator(".chip-consumed")).to_be_visible()


def follow(clerk: Page, link: Locator) -> None:
    """Press a link, and wait for the page that it leads to."""
    here = clerk.url
    link.click()
    expect(clerk).not_to_have_url(here)
    clerk.wait_for_load_state()


def test_everyone_can_use_the_desk(page: Page, clerk: Page, site: Site) -> None:
    booking = book(page, "Canal tour")
    for path in (day_of(site, booking), "/desk/?q=nobody", "/desk/?q=v-1:forged", "/desk/walk-in/"):
        clerk.goto(path)
        examine(clerk)
    follow(clerk, clerk.locator(".card").first)
    examine(clerk)
    clerk.goto(day_of(site, booking))
    follow(clerk, clerk.locator(line(clerk, booking, site)).get_by_role("link", name="Cancel"))
    examine(clerk)
