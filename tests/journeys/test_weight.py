"""What the portal costs: bytes, requests, and nothing that jumps under the finger."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Page, Request, expect

from tests.journeys.delays import let_intervals_stand, see, settle
from tests.journeys.guests import (
    DESKTOP,
    PHONE,
    fill_form,
    next_month,
    open_day,
    open_slot,
    open_voucher,
    press_book,
)

FIRST_VISIT = 60 * 1024
FRAGMENT = 10 * 1024


@dataclass
class Wire:
    """What went over the wire: the size of every answer, headers included, as it was sent."""

    sizes: list[int] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)


@pytest.fixture
def wire(page: Page) -> Wire:
    found = Wire()
    let_intervals_stand(page.context)
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": False})
    session.on("Network.loadingFinished", lambda event: found.sizes.append(int(event["encodedDataLength"])))
    page.on("request", lambda request: found.requests.append(request))
    return found


@contextmanager
def one_fragment(page: Page, wire: Wire, record: dict[str, int], name: str) -> Iterator[None]:
    """Expect one request, answered by one small fragment.

    Chromium takes the page's icon from its own memory whenever the address changes: those
    requests have no bytes and are no requests.
    """
    wire.requests.clear()
    wire.sizes.clear()
    yield
    settle(page)
    see(page, lambda: any(wire.sizes), what="the size of the answer")
    asked = [request for request in wire.requests if not request.url.endswith(".svg")]
    assert len(asked) == 1, (name, [request.url for request in asked])
    (size,) = filter(None, wire.sizes)
    record[name] = size
    assert 0 < size <= FRAGMENT, f"{name}: {size} bytes"


@pytest.mark.sample
def test_the_first_visit_is_light_and_every_step_one_small_request(page: Page, wire: Wire, record_property):
    sizes: dict[str, int] = {}
    page.goto("/", wait_until="networkidle")
    see(page, lambda: len(wire.sizes) >= 4, what="the page, its styles and its scripts")
    sizes["first visit"] = sum(wire.sizes)
    assert sizes["first visit"] <= FIRST_VISIT
    with one_fragment(page, wire, sizes, "status"):
        page.locator("#tab-issued").click()
        expect(page.locator("#voucher-list .chip-expired")).to_have_count(0)
    with one_fragment(page, wire, sizes, "search"):
        page.get_by_label("Search").fill("hour")
        expect(page.locator("#voucher-list .card", has_text="Massage")).to_have_count(0)
    page.goto("/", wait_until="networkidle")
    with one_fragment(page, wire, sizes, "more"):
        page.get_by_role("link", name="Show more").click()
        expect(page.locator("#more-cards")).to_have_count(0)
    with one_fragment(page, wire, sizes, "voucher"):
        open_voucher(page, "Breakfast in the library")
    with one_fragment(page, wire, sizes, "month"):
        next_month(page)
    with one_fragment(page, wire, sizes, "day"):
        open_day(page)
    with one_fragment(page, wire, sizes, "slot"):
        open_slot(page)
    fill_form(page)
    wire.requests.clear()
    press_book(page)
    page.wait_for_load_state()
    settle(page)
    asked = [request for request in wire.requests if request.resource_type in ("document", "xhr", "fetch")]
    assert [request.method for request in asked] == ["POST", "GET"]
    record_property("bytes", sizes)


# The browser takes a shift for a press's own when it comes within half a second; here it is one's own however
# long the answer to the press took, until it has been drawn.
_WATCH_SHIFTS = """
    const shifts = [], swaps = [];
    new PerformanceObserver(list => shifts.push(...list.getEntries()))
        .observe({type: "layout-shift", buffered: true});
    document.addEventListener("htmx:beforeSwap", () => swaps.push([performance.now(), Infinity]));
    document.addEventListener("htmx:afterSettle", () => {
        const swap = swaps.at(-1);
        const end = () => { swap[1] = performance.now() };
        requestAnimationFrame(() => requestAnimationFrame(end));
    });
    window.shifts = () => shifts.map(({ value, startTime, hadRecentInput }) => [
        value, hadRecentInput || swaps.some(([start, end]) => start <= startTime && startTime <= end),
    ]);
"""


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_nothing_jumps_when_a_fragment_arrives(page: Page, viewport: dict[str, int], record_property):
    page.set_viewport_size(viewport)
    let_intervals_stand(page.context)
    page.add_init_script(f"(() => {{{_WATCH_SHIFTS}}})()")
    page.goto("/", wait_until="networkidle")
    page.locator("#tab-issued").click()
    expect(page.locator("#voucher-list .chip-expired")).to_have_count(0)
    open_voucher(page, "Gym and sauna")
    next_month(page)
    open_day(page)
    open_slot(page)
    fill_form(page)
    shifts = page.evaluate("window.shifts()")
    record_property("shift", sum(value for value, _is_expected in shifts))
    # What moves on a press is the page's end, out of the way of what has come; by itself nothing moves.
    assert sum(value for value, _is_expected in shifts) < 0.1
    assert [value for value, is_expected in shifts if not is_expected] == []
