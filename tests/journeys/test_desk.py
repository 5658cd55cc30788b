"""A clerk's morning at the front desk, in a browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.journeys.guests import PHONE, Hand, Site, book
from tests.journeys.test_looks import examine

pytestmark = pytest.mark.journeys
NewContext = Callable[..., BrowserContext]


@pytest.fixture
def clerk(new_context: NewContext, site: Site) -> Page:
    """Sign in on a phone."""
    page = new_context(viewport=PHONE).new_page()
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
    page: Page, clerk: Page, site: Site, complaints: list[str]
) -> None:
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
        expect(clerk.locator("#desk-said")).not_to_contain_text("Kept", timeout=20_000)
        assert status_of(site, booking) == "consumed"
    conflict = clerk.locator("#desk-conflicts li")
    expect(conflict).to_contain_text("This voucher has been used.")
    clerk.reload()
    expect(conflict).to_have_count(1)
    conflict.get_by_role("button").click()
    expect(conflict).to_have_count(0)
    # A browser complains of the connection that was taken away, and of nothing else.
    lost = ("ERR_INTERNET_DISCONNECTED", "htmx:sendError", "htmx:afterRequest")
    complaints[:] = [text for text in complaints if not any(word in text for word in lost)]


def test_the_list_keeps_itself_fresh(page: Page, clerk: Page, site: Site) -> None:
    booking = book(page, "Canal tour")
    clerk.goto(day_of(site, booking))
    row = clerk.locator(line(clerk, booking, site))
    expect(row.locator(".chip-booked")).to_be_visible()
    site.redeem(booking)
    expect(row.locator(".chip-consumed")).to_be_visible(timeout=25_000)


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
