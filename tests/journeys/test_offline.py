"""Without a connection: this guest's bookings open with their code, and nothing else pretends to."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import APIResponse, Error, Page, Route, expect

from tests.journeys.delays import see, see_in
from tests.journeys.guests import Site, be_demo_guest, book
from tests.journeys.test_looks import examine

_KEPT = """async () => {
    const names = (await caches.keys()).filter(name => name.startsWith("bookings"));
    const found = [];
    for (const name of names)
        for (const { url } of await (await caches.open(name)).keys()) found.push(new URL(url).pathname);
    return found.sort();
}"""


@pytest.fixture(autouse=True)
def lost_connections_are_no_complaints(complaints: list[str]) -> Iterator[None]:
    yield
    complaints[:] = [
        text
        for text in complaints
        if not any(
            lost in text for lost in ("ERR_INTERNET_DISCONNECTED", "ERR_FAILED", "sendError", "status of 503")
        )
    ]


def kept(page: Page) -> list[str]:
    return list(page.evaluate(_KEPT))


def wait_until_kept(page: Page, *paths: str) -> None:
    def are_kept() -> bool:
        return {*paths} <= {*kept(page)}

    see(page, are_kept, what=f"{paths} to be kept")


def wait_for_worker(page: Page) -> None:
    """Wait until the next page is seen by the worker; one that came while it was set up is not."""
    see_in(page, "async () => Boolean((await navigator.serviceWorker.getRegistration())?.active)")


@pytest.mark.sample
def test_bookings_open_without_a_connection_and_other_pages_say_that_there_is_none(page: Page) -> None:
    first = f"/booking/{book(page, 'Canal tour')}/"
    second = f"/booking/{book(page, 'Gym and sauna')}/"
    page.goto("/my/")
    wait_until_kept(page, "/my/", first, second)
    page.context.set_offline(True)
    page.goto("/my/")
    expect(page.get_by_text("There is no connection. This is as it was on")).to_be_visible()
    page.locator(".card", has_text="Canal tour").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Canal tour")
    expect(page.locator("svg.qr")).to_be_visible()
    expect(page.locator(".kept-only")).to_be_visible()
    # It looks as it does with one.
    assert page.evaluate("getComputedStyle(document.querySelector('.sheet')).borderTopStyle") == "solid"
    examine(page)
    page.goto(second)
    expect(page.locator("svg.qr")).to_be_visible()
    for path in ("/", f"{first}move/", f"{first}cancel/", "/party/", "/my/data/"):
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_have_text("There is no connection")
    examine(page)
    # A form that is sent without one says so too.
    page.context.set_offline(False)
    page.goto(f"{first}cancel/")
    page.context.set_offline(True)
    page.get_by_role("button", name="Cancel the booking").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no connection")
    page.context.set_offline(False)
    page.goto(first)
    expect(page.locator(".kept-only")).to_be_hidden()
    assert kept(page) == sorted(["/my/", first, second])


# The worker is set up while the first page to be kept is shown, and looks after it before that page asks.
_SET_UP_LATE = """(() => {
    const { serviceWorker } = navigator;
    const { ready } = serviceWorker;
    const register = serviceWorker.register.bind(serviceWorker);
    const claimed = new Promise((done) => serviceWorker.addEventListener("controllerchange", done));
    const never = new Promise(() => {});
    serviceWorker.register = (...asked) => (location.pathname === "/my/" ? register(...asked) : never);
    Object.defineProperty(serviceWorker, "ready", { get: () => claimed.then(() => ready) });
})()"""


def test_a_page_that_came_before_the_worker_is_kept_as_well(page: Page) -> None:
    page.add_init_script(_SET_UP_LATE)
    booking = f"/booking/{book(page, 'Spa hour')}/"
    page.goto("/my/")
    wait_until_kept(page, "/my/", booking)
    expect_kept(page, booking)


@pytest.mark.parametrize("status", [429, 503])
def test_a_portal_that_is_out_of_order_costs_nothing_that_is_kept(page: Page, status: int) -> None:
    booking = f"/booking/{book(page, 'Spa hour')}/"
    page.goto("/my/")
    wait_until_kept(page, "/my/", booking)
    for path in (booking, "/my/"):
        page.context.route(f"**{path}", lambda route: route.fulfill(status=status, body="away"))
    for path in (booking, "/my/"):
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == status
    page.context.unroute_all()
    expect_kept(page, booking)


# An answer whose connection breaks when its first words have come.
_BREAK = """() => {
    const whole = fetch;
    self.fetch = async (...asked) => {
        const { status, headers } = await whole(...asked);
        const words = [new TextEncoder().encode("<!doctype html><html ")];
        const lost = new TypeError("broken off");
        const pull = (body) => (words.length ? body.enqueue(words.pop()) : body.error(lost));
        return new Response(new ReadableStream({ pull }), { status, headers });
    };
}"""


def test_a_connection_that_breaks_in_the_middle_costs_nothing_that_is_kept(page: Page) -> None:
    booking = f"/booking/{book(page, 'Spa hour')}/"
    page.goto("/my/")
    wait_until_kept(page, "/my/", booking)
    page.context.service_workers[0].evaluate(_BREAK)
    for path in (booking, "/my/"):
        with suppress(Error):
            page.goto(path, wait_until="commit")
        assert "</html>" not in page.content()
    expect_kept(page, booking)


def expect_kept(page: Page, booking: str) -> None:
    """Expect the pages of a guest with one booking to open without a connection."""
    page.context.set_offline(True)
    page.goto("/my/")
    expect(page.locator(".card")).to_have_attribute("href", booking)
    page.goto(booking)
    expect(page.locator("svg.qr")).to_be_visible()


def test_an_answer_that_comes_when_its_guest_has_left_is_not_kept(page: Page) -> None:
    for title in ("Spa hour", "Thermal pool"):
        book(page, title)
    page.goto("/")
    wait_for_worker(page)
    held: list[tuple[Route, APIResponse]] = []
    asked_later: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held:
            asked_later.append(route)
            route.continue_()
        else:
            held.append((route, route.fetch()))

    page.context.route("**/booking/*/", hold_the_first)
    page.goto("/my/")
    # It asks for the bookings that it shows.
    see(page, lambda: held, what="the first booking to be asked for")
    page.get_by_role("button", name="Leave this device").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Choose a voucher, then a time")
    for route, answer in held:
        route.fulfill(response=answer)
    # One comes after the other: what was to be made of the first has been made when it asks for the next.
    see(page, lambda: asked_later, what="the second booking to be asked for")
    assert kept(page) == []


@pytest.mark.parametrize("how", ["leave", "delete"])
def test_nothing_is_kept_for_whoever_uses_the_device_next(page: Page, how: str) -> None:
    booking = f"/booking/{book(page, 'Spa hour')}/"
    page.goto("/my/")
    wait_until_kept(page, "/my/", booking)
    if how == "leave":
        page.get_by_role("button", name="Leave this device").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Choose a voucher, then a time")
    else:
        page.goto(f"{booking}cancel/")
        page.get_by_role("button", name="Cancel the booking").click()
        page.goto("/my/data/")
        page.get_by_role("button", name="Delete my data").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Your data is deleted")
    assert kept(page) == []
    page.context.set_offline(True)
    page.goto(booking)
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no connection")


def test_another_guest_on_the_device_finds_nothing_of_the_first(page: Page, site: Site) -> None:
    booking = f"/booking/{book(page, 'Massage')}/"
    page.goto("/my/")
    wait_until_kept(page, booking)
    be_demo_guest(page, site)
    wait_until_kept(page, "/my/")
    assert booking not in kept(page)


def test_the_page_for_no_connection_speaks_the_language_that_was_read_last(page: Page) -> None:
    page.goto("/")
    wait_for_worker(page)
    page.get_by_role("button", name="Deutsch").click()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    speaks = """async () => {
        const answer = await caches.match("/offline/");
        return answer && (await answer.text()).includes('lang="de"');
    }"""
    see_in(page, speaks, what="the page in German")


def test_the_desk_and_the_admin_are_not_looked_after(page: Page) -> None:
    book(page, "Canal tour")
    wait_for_worker(page)
    assert "/desk/" not in kept(page)
    page.goto("/admin/login/")
    page.context.set_offline(True)
    with pytest.raises(Exception, match="ERR_INTERNET_DISCONNECTED"):
        page.goto("/admin/login/")


def test_the_portal_can_be_installed(page: Page) -> None:
    page.goto("/")
    session = page.context.new_cdp_session(page)
    found = session.send("Page.getAppManifest")
    assert found["errors"] == []
    errors = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    # What a test's browser is, not what the portal lacks.
    assert {error["errorId"] for error in errors} <= {"in-incognito"}
