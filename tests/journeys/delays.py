"""Slow and broken connections: answers that are held up, and come in another order."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from playwright.sync_api import BrowserContext, Error, Page, Request, Route

from tests.patience import until

# What htmx and the browser say aloud of requests that were given up or that a test lets fail.
SAID = (
    "Service Worker registration blocked",
    "htmx:sendAbort",
    "htmx:sendError",
    "htmx:timeout",
    "htmx:afterRequest",
    "htmx:historyCacheMissLoadError",
    "htmx:responseError",
    "Response Status Error Code",
    "status of 50",
    "ERR_FAILED",
)
# htmx is done with an answer when it has settled, and settles by a timer; timers run in the order in which
# they are due. What a page asks for then is awaited as well.
_SETTLED = """async () => {
    const isBusy = () => document.querySelector(".htmx-request, .htmx-swapping, .htmx-settling, .htmx-added");
    if (isBusy()) return false;
    await new Promise((done) => setTimeout(done, 50));
    return !isBusy();
}"""
_NO_INTERVALS = "globalThis.setInterval = () => 0"


def see(page: Page, condition: Callable[[], Any], what: str = "the condition") -> Any:
    """Wait for what Playwright tells; it does so only while it is asked for something."""

    def look() -> Any:
        page.wait_for_timeout(20)
        return condition()

    return until(look, what=what)


def see_in(page: Page, expression: str, arg: Any = None, what: str = "the page's state") -> None:
    """Wait until a page says so itself; `wait_for_function` takes the promise of an answer for "yes"."""

    def look() -> Any:
        # A page that is just being replaced says nothing.
        with suppress(Error):
            return page.evaluate(expression, arg)
        return None

    see(page, look, what=what)


def settle(page: Page) -> None:
    """Wait until a page has made all of what has come, and has asked for nothing more."""
    see_in(page, _SETTLED)


def let_intervals_stand(context: BrowserContext) -> None:
    """Let pages ask for nothing by themselves: what the test does not bring about does not happen."""
    context.add_init_script(_NO_INTERVALS)


def ended_requests(page: Page) -> list[Request]:
    """Return the list of the page's requests that have come to an end, well or not; it grows."""
    ended: list[Request] = []

    def note(request: Request) -> None:
        ended.append(request)

    page.on("requestfinished", note)
    page.on("requestfailed", note)
    return ended


class Delay:
    """Holds the answers to chosen requests up, as a slow connection may."""

    def __init__(self, page: Page, chosen: Callable[[Request], bool]) -> None:
        self._page = page
        self._chosen = chosen
        self._held: list[Route] = []
        self._ended = ended_requests(page)
        page.route("**/*", self._look_at)

    def _look_at(self, route: Route) -> None:
        if self._chosen(route.request):
            self._held.append(route)
        else:
            route.fallback()

    def wait(self, number: int = 1) -> None:
        """Wait until so many are held."""
        see(self._page, lambda: len(self._held) >= number, what=f"{number} requests")

    @property
    def number(self) -> int:
        """How many have been held."""
        return len(self._held)

    def end(self) -> None:
        """Let them through one after the other, and what the page makes of them happen."""
        self._chosen = lambda _request: False
        for route in self._held:
            # Some have been given up meanwhile: they have ended by now, or end by this.
            route.continue_()
            see(self._page, lambda asked=route.request: asked in self._ended, what="the answer")
            settle(self._page)


def is_restoring(request: Request) -> bool:
    """Tell whether htmx asks for a place of the history."""
    return "hx-history-restore-request" in request.headers


def is_step(request: Request) -> bool:
    """Tell whether htmx asks for something that somebody did, or for what it asks by itself."""
    return "hx-request" in request.headers and not is_restoring(request)


def is_refresh(request: Request) -> bool:
    """Tell whether free places are counted anew."""
    return request.headers.get("hx-trigger") == "calendar-refresh"
