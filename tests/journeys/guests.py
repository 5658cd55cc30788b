"""What guests do on the portal, step by step, and what the database says of it."""

import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import BrowserContext, Locator, Page, ViewportSize, expect

from tests.journeys.clock import ahead, clocked, now
from tests.once import made_once
from tests.patience import PATIENCE_SECONDS
from tests.servers import ROOT, environment, manage, portal

PATIENCE_MS = PATIENCE_SECONDS * 1000

PHONE: ViewportSize = {"width": 360, "height": 740}
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
_numbers = count(1)
# What a portal with demo data is copied from: its database, and what its preparation said.
_DATABASE, _TOLD = "portal.sqlite3", "told.txt"
# Timers and what measures durations are the browser's own: only what a page is told of the time is another.
_SET = """(() => {
    const ahead = %d;
    const told = (clock) => clock.now() + ahead;
    globalThis.Date = new Proxy(Date, {
        construct: (clock, given, made) =>
            Reflect.construct(clock, given.length ? given : [told(clock)], made),
        apply: (clock) => new clock(told(clock)).toString(),
        get: (clock, name) => (name === "now" ? () => told(clock) : Reflect.get(clock, name)),
    });
})()"""


@dataclass(frozen=True)
class Site:
    """The served portal, its database, and the path of the demo guest's link."""

    url: str
    database: Path
    guest_path: str
    staff_password: str

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Read the database past all of the portal's own code."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            return connection.execute(sql, values).fetchall()

    def code_of(self, voucher: str) -> str:
        """Return the code that a voucher's guest shows at the desk."""
        return self._in_process(
            "from bookings.codes import voucher_code as f; print(f(sys.argv[1]))", voucher
        )

    def redeem(self, booking: str) -> None:
        """Redeem a booking's voucher past the browser, as another desk would."""
        (voucher,) = self.rows("SELECT voucher_id FROM bookings_booking WHERE id = ?", booking)[0]
        self._in_process(
            "from vouchers.domain import redeem_voucher as f; from django.utils import timezone;"
            " from portal.actors import staff;"
            " f(voucher_id=sys.argv[1], by=staff('other'), now=timezone.now())",
            str(voucher),
        )

    def reserve(self, title: str) -> str:
        """Make a booking past the browser, on a voucher of its own; returns its id."""
        return self._in_process(
            "from tests.journeys.reserving import reserve as f; print(f(sys.argv[1]))", title
        )

    def undo(self, booking: str) -> None:
        """Take a redemption back past the browser, as another desk would."""
        (voucher,) = self.rows("SELECT voucher_id FROM bookings_booking WHERE id = ?", booking)[0]
        self._in_process(
            "from vouchers.domain import undo_redemption as f; from django.utils import timezone;"
            " from portal.actors import staff;"
            " f(voucher_id=sys.argv[1], by=staff('other'), now=timezone.now())",
            str(voucher),
        )

    def cancel(self, booking: str) -> None:
        """Cancel a booking past the browser, as a clerk would, and move the lines on."""
        self._in_process(
            "from bookings.domain import cancel_booking as f; from django.utils import timezone;"
            " from portal.actors import staff;"
            " f(booking_id=sys.argv[1], by=staff('other'), now=timezone.now())",
            booking,
        )
        self.serve_lines()

    def serve_lines(self) -> None:
        """Move every waiting line on, as a worker does each second."""
        self._in_process(
            "from waiting.domain import serve_all as f; from django.utils import timezone; f(timezone.now())"
        )

    def _in_process(self, code: str, *values: str) -> str:
        """Run a line of the project's own code on this database; returns what it prints."""
        done = subprocess.run(
            [sys.executable, "-c", f"import sys, django; django.setup(); {code}", *values],
            cwd=ROOT,
            env=environment(f"sqlite:///{self.database}", **clocked()),
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def number(self, sql: str, *values: object) -> int:
        """Read one number."""
        return int(self.rows(sql, *values)[0][0])


@dataclass
class Hand:
    """A hand that counts what it does."""

    clicks: int = 0
    typed: dict[str, str] = field(default_factory=dict)

    def click(self, target: Locator) -> None:
        """Click once, as a finger would: only on what is there and visible."""
        self.clicks += 1
        target.click()

    def type(self, target: Locator, text: str) -> None:
        """Type into a field."""
        self.typed[target.get_attribute("name") or ""] = text
        target.fill(text)


@contextmanager
def demo_site(home: Path) -> Iterator[Site]:
    """Serve the portal with demo data from a database of its own."""
    demo = made_once("demo", _prepare)
    database = Path(shutil.copy(demo / _DATABASE, home))
    told = (demo / _TOLD).read_text()
    guest_path, password = re.search(r"/guest/\S+", told), re.search(r"password: (\S+)", told)
    assert guest_path
    assert password
    with portal(f"sqlite:///{database}", home / "gunicorn.log", workers=2, **clocked()) as server:
        yield Site(server.url, database, guest_path=guest_path[0], staff_password=password[1])


def _prepare(folder: Path) -> None:
    folder.mkdir()
    told = manage(f"sqlite:///{folder / _DATABASE}", "prepare", "--demo", **clocked())
    (folder / _TOLD).write_text(told)


def begin(context: BrowserContext, *, is_turned: bool = False) -> BrowserContext:
    """Let a browser's pages have the journeys' clock, and what is awaited in them all patience.

    With `is_turned` the test turns their clock, and their timers with it, by `page.clock`.
    """
    context.set_default_timeout(PATIENCE_MS)
    context.set_default_navigation_timeout(PATIENCE_MS)
    if is_turned:
        context.clock.install(time=now())
    else:
        # Playwright's own clock brings timers of its own, which only run when a page's turn comes.
        context.add_init_script(_SET % round(ahead() * 1000))
    return context


def new_email() -> str:
    """Return an address that no guest has used: an offer counts bookings for each address."""
    return f"guest{next(_numbers)}@example.com"


def card(page: Page, title: str, *, status: str = "issued") -> Locator:
    """Return the first card of a title and status."""
    cards = page.locator("#voucher-list .card").filter(has_text=title)
    return cards.filter(has=page.locator(f".chip-{status}")).first


def free_days(page: Page) -> Locator:
    """Return the days of the month that have a free slot."""
    return page.locator("#month-grid a.cell:not(.cell-full)")


def free_slots(page: Page) -> Locator:
    """Return the free slots of the day."""
    return page.locator("#slot-list a.slot:not(.slot-full)")


def left_on(target: Locator) -> int:
    """Return the number left that a card or a chosen voucher shows."""
    found = re.search(r"(\d+) left", target.inner_text())
    assert found, target.inner_text()
    return int(found[1])


def place_of(page: Page) -> dict[str, str]:
    """Return the state that the address holds."""
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def open_voucher(page: Page, title: str, hand: Hand | None = None) -> None:
    """Choose a voucher on the portal's list."""
    (hand or Hand()).click(card(page, title))
    expect(page.locator("#booking-steps h2")).to_have_text(title)


def open_day(page: Page, hand: Hand | None = None, *, number: int = -1) -> None:
    """Choose one of the free days: the last, unless another is asked for."""
    day = free_days(page).nth(number)
    name = day.get_attribute("id") or ""
    (hand or Hand()).click(day)
    expect(page).to_have_url(re.compile(f"day={name.removeprefix('day-')}"))
    expect(free_slots(page).first).to_be_visible()


def open_slot(page: Page, hand: Hand | None = None, *, number: int = 0) -> str:
    """Choose one of the day's free slots; returns its id."""
    (hand or Hand()).click(free_slots(page).nth(number))
    expect(page).to_have_url(re.compile("slot=slot-"))
    expect(page.locator("#booking-panel form button").first).to_be_visible()
    return place_of(page)["slot"]


def open_slot_unheld(page: Page) -> str:
    """Open the first free slot by its address, as one passed on: nobody holds it; returns the address."""
    address = free_slots(page).first.get_attribute("href") or ""
    page.goto(address)
    return address


def next_month(page: Page) -> None:
    """Turn to the next month, where every day is far enough ahead to move and to cancel."""
    shown = page.locator("#month-title").inner_text()
    page.locator("#month-next").click()
    expect(page.locator("#month-title")).not_to_have_text(shown)


def fill_form(page: Page, hand: Hand | None = None, *, name: str = "Ada Lovelace", email: str = "") -> str:
    """Type what the booking form asks for; returns the address."""
    hand = hand or Hand()
    email = email or new_email()
    hand.type(page.get_by_label("Your name"), name)
    hand.type(page.get_by_label("Your e-mail address"), email)
    return email


def press_book(page: Page, hand: Hand | None = None) -> str:
    """Press the button; returns the booking's id."""
    (hand or Hand()).click(page.locator("#booking-form button[name=slot]").first)
    return booked(page)


def booked(page: Page) -> str:
    """Wait for the confirmation; returns the booking's id."""
    expect(page).to_have_url(re.compile(r"/booking/b-[^/]+/\?new"))
    expect(page.get_by_role("status")).to_contain_text("Booked.")
    return urlsplit(page.url).path.split("/")[2]


def book(page: Page, title: str, *, far: bool = True, day: int = -1, email: str = "") -> str:
    """Go from the landing page to a confirmed booking; returns its id."""
    page.goto("/")
    open_voucher(page, title)
    if far:
        next_month(page)
    open_day(page, number=day)
    open_slot(page)
    fill_form(page, email=email)
    return press_book(page)


def join_address(page: Page, slot: str) -> str:
    """Return where one waits for a slot of the voucher that the page shows."""
    return f"/waiting/join/?voucher={place_of(page)['voucher']}&slot={slot}"


def wait_in_line(page: Page, address: str) -> str:
    """Join the line of the full slot at an address; returns the entry's address."""
    page.goto(address)
    page.get_by_label("Your name").fill("Grace Hopper")
    page.get_by_label("Your e-mail address").fill(new_email())
    page.get_by_role("button", name="Join the line").click()
    expect(page.get_by_role("status")).to_contain_text("in line")
    return page.url


def cancel(page: Page, booking: str) -> None:
    """Cancel a booking on its own page."""
    page.goto(f"/booking/{booking}/cancel/")
    page.get_by_role("button", name="Cancel the booking").click()
    expect(page.locator(".ticket .chip-cancelled")).to_be_visible()


def be_demo_guest(page: Page, site: Site) -> None:
    """Open the link of the guest who has vouchers and a booking from the start."""
    page.goto(site.guest_path)
    page.get_by_role("button", name="Show my bookings").click()
    expect(page).to_have_url(re.compile("/my/$"))


def focused(page: Page) -> Locator:
    """Return what has the focus."""
    return page.locator("*:focus")


def tab_to(page: Page, selector: str, *, most: int = 40) -> Locator:
    """Press Tab until something matching has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if focused(page).count() and focused(page).evaluate("(node, css) => node.matches(css)", selector):
            return focused(page)
    raise AssertionError(f"{selector} cannot be reached with Tab")
