"""Pictures of every state of a guest's pages: on a phone and a desktop, light and dark.

python -m tests.screens                 the telling ones, into docs/screens/
python -m tests.screens --all FOLDER    all of them
"""

import argparse
import atexit
import io
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browsers import NAMES, found_browser
from tests.journeys.delays import see
from tests.journeys.guests import (
    DESKTOP,
    PHONE,
    Site,
    be_demo_guest,
    begin,
    book,
    card,
    demo_site,
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
from tests.once import share_a_folder
from tests.servers import ROOT

QUALITY = 60
# Of each there are as many vouchers as the demo has: the first that is left is booked.
BOOKABLE = (
    "Canal tour",
    "Gym and sauna",
    "Rooftop bar evening",
    "Breakfast in the library",
    "Tasting menu",
    "Spa hour",
)
State = Callable[[Page, Site], None]


def many(page: Page, _site: Site) -> None:
    page.goto("/")


def no_match(page: Page, _site: Site) -> None:
    page.goto("/?q=submarine")


def one_match(page: Page, _site: Site) -> None:
    page.goto("/?q=canal")


def calendar(page: Page, _site: Site) -> None:
    page.goto("/")
    open_voucher(page, "Spa hour")


def day(page: Page, site: Site) -> None:
    calendar(page, site)
    next_month(page)
    open_day(page, number=5)


def form(page: Page, site: Site) -> None:
    day(page, site)
    open_slot(page)


def form_error(page: Page, site: Site) -> None:
    form(page, site)
    fill_form(page, email="ada@nowhere")
    page.locator("#booking-form button[name=slot]").click()
    expect(page.locator(".field-bad")).to_be_visible()


def slot_gone(page: Page, site: Site) -> None:
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
    expect(page.locator("#slot-list .slot-full").first).to_be_visible()


def wait(page: Page, site: Site) -> None:
    slot, _booking = _full_slot(page, site)
    page.goto(join_address(page, slot))


def in_line(page: Page, site: Site) -> None:
    slot, _booking = _full_slot(page, site)
    wait_in_line(page, join_address(page, slot))


def offer(page: Page, site: Site) -> None:
    slot, booking = _full_slot(page, site)
    wait_in_line(page, join_address(page, slot))
    site.cancel(booking)
    page.reload()


def _full_slot(page: Page, site: Site) -> tuple[str, str]:
    """Let another guest book what has one place, and open its voucher; returns the slot and the booking."""
    with page.context.browser.new_context(base_url=site.url) as other:
        booking = book(begin(other).new_page(), "Meeting-room hour")
    (start,) = site.rows("SELECT slot_start FROM bookings_booking WHERE id = ?", booking)[0]
    page.goto("/")
    open_voucher(page, "Meeting-room hour")
    return f"slot-{start.replace(' ', 'T')}Z", booking


def sold_out(page: Page, site: Site) -> None:
    page.goto("/")
    open_voucher(page, "Dinner for two")
    address = page.url
    # On the throwaway's own database: all of a batch are gone.
    with closing(sqlite3.connect(site.database)) as connection:
        title = ("Dinner for two",)
        connection.execute("UPDATE vouchers_batch SET open_issued = 0 WHERE title = ?", title)
        connection.commit()
    page.goto(address)


def expired(page: Page, _site: Site) -> None:
    page.goto("/?status=expired")
    card(page, "Massage", status="expired").click()
    expect(page.locator("#booking-steps")).to_contain_text("has expired")


def booked(page: Page, _site: Site) -> None:
    page.goto("/")
    left = (title for title in BOOKABLE if card(page, title).count())
    book(page, next(left))


def cancel(page: Page, site: Site) -> None:
    booked(page, site)
    page.get_by_role("link", name="Cancel", exact=True).click()


def cancelled(page: Page, site: Site) -> None:
    cancel(page, site)
    page.get_by_label("Why?").fill("An earlier train")
    page.get_by_role("button", name="Cancel the booking").click()
    expect(page.locator(".ticket .chip-cancelled")).to_be_visible()


def move(page: Page, site: Site) -> None:
    booked(page, site)
    page.get_by_role("link", name="Move", exact=True).click()
    open_day(page, number=0)
    open_slot(page)


def mine_empty(page: Page, _site: Site) -> None:
    page.goto("/my/")


def mine_one(page: Page, site: Site) -> None:
    booked(page, site)
    page.goto("/my/")


def mine_many(page: Page, site: Site) -> None:
    be_demo_guest(page, site)


def data(page: Page, site: Site) -> None:
    booked(page, site)
    page.goto("/my/data/")


def feed(page: Page, site: Site) -> None:
    booked(page, site)
    page.goto("/my/calendar/")
    page.get_by_role("button", name="Make an address").click()


def voucher(page: Page, site: Site) -> None:
    be_demo_guest(page, site)
    page.goto("/?sort=title&q=canal")
    page.locator(".card", has_text="yours").first.click()
    page.get_by_role("link", name="The voucher’s own page").click()
    expect(page.locator(".facts")).to_be_visible()


def hand_on(page: Page, site: Site) -> None:
    voucher(page, site)
    page.get_by_role("button", name="Make a link").click()
    expect(page.get_by_label("Link to hand the voucher on")).to_be_visible()


def claim(page: Page, site: Site) -> None:
    with page.context.browser.new_context(base_url=site.url) as other:
        giver = begin(other).new_page()
        hand_on(giver, site)
        link = giver.get_by_label("Link to hand the voucher on").input_value()
    page.goto(link)


def link_request(page: Page, _site: Site) -> None:
    page.goto("/guest/")


def party(page: Page, _site: Site) -> None:
    page.goto("/party/")


def not_there(page: Page, _site: Site) -> None:
    page.goto("/nowhere/")


def offline(page: Page, site: Site) -> None:
    _go_offline(page, site)
    page.goto("/")


def offline_booking(page: Page, site: Site) -> None:
    _go_offline(page, site)
    page.goto("/my/")
    page.locator(".card").first.click()


def _go_offline(page: Page, site: Site) -> None:
    booked(page, site)
    page.goto("/my/")
    number = "async () => (await (await caches.open('bookings-1')).keys()).length"
    see(page, lambda: page.evaluate(number) > 1, what="the booking to be kept")
    page.context.set_offline(True)


STATES: tuple[State, ...] = (
    many, one_match, no_match, calendar, day, form, form_error, slot_gone, expired, booked, cancel, cancelled,
    move, mine_empty, mine_one, mine_many, data, feed, voucher, hand_on, claim, link_request, party,
    not_there, offline, offline_booking, wait, in_line, offer, sold_out,
)  # fmt: skip
VIEWS = {"phone": PHONE, "desktop": DESKTOP}
THEMES = ("light", "dark")
# What is kept with the project: each state on a phone, and those where a wide page or the dark tells more.
ALSO = {
    (many, "phone", "dark"), (many, "desktop", "light"), (day, "desktop", "dark"), (form, "desktop", "light"),
    (booked, "phone", "dark"), (booked, "desktop", "light"), (mine_many, "desktop", "light"),
    (voucher, "desktop", "dark"), (slot_gone, "desktop", "light"),
}  # fmt: skip


def take(browser: Browser, site: Site, state: State, view: str, theme: str, folder: Path) -> None:
    """Come to a state and keep a picture of it."""
    options = {
        "locale": "en-GB",
        "timezone_id": "Europe/Amsterdam",
        "color_scheme": theme,
        "base_url": site.url,
    }
    with browser.new_context(viewport=VIEWS[view], reduced_motion="reduce", **options) as context:  # type: ignore[arg-type]
        page = begin(context).new_page()
        state(page, site)
        # What came last has been drawn.
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        page.evaluate("document.activeElement?.blur()")
        picture = Image.open(io.BytesIO(page.screenshot(full_page=view == "phone")))
    name = f"{state.__name__.replace('_', '-')}-{view}-{theme}.webp"
    picture.convert("RGB").save(folder / name, "WEBP", quality=QUALITY, method=6)


def main() -> None:
    """Serve the demo from a throwaway database and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument(
        "--all", type=Path, metavar="FOLDER", help="every state, view and theme, into a folder"
    )
    parser.add_argument("--only", default="", help="states whose name holds this")
    chosen = parser.parse_args()
    folder = chosen.all or ROOT / "docs" / "screens"
    folder.mkdir(parents=True, exist_ok=True)
    found = found_browser()
    if found is None:
        parser.error(f"no browser is installed (looked for {', '.join(NAMES)})")
    if shared := share_a_folder():
        atexit.register(shutil.rmtree, shared, ignore_errors=True)
    with (
        tempfile.TemporaryDirectory() as home,
        sync_playwright() as playwright,
        demo_site(Path(home)) as site,
    ):
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for state in STATES:
            for view in VIEWS:
                for theme in THEMES:
                    wanted = (view, theme) == ("phone", "light") or (state, view, theme) in ALSO
                    if (chosen.all or wanted) and chosen.only in state.__name__:
                        take(browser, site, state, view, theme, folder)
        browser.close()


if __name__ == "__main__":
    main()
