"""Slow and broken connections: answers that are held up, and come in another order."""

from collections.abc import Callable

from playwright.sync_api import Page, Request, Route

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


class Delay:
    """Holds the answers to chosen requests up, as a slow connection may."""

    def __init__(self, page: Page, chosen: Callable[[Request], bool]) -> None:
        self._page = page
        self._chosen = chosen
        self._held: list[Route] = []
        page.route("**/*", self._look_at)

    def _look_at(self, route: Route) -> None:
        if self._chosen(route.request):
            self._held.append(route)
        else:
            route.fallback()

    def wait(self, number: int = 1) -> None:
        """Wait until so many are held, for ten seconds at most."""
        for _time in range(500):
            if len(self._held) >= number:
                return
            self._page.wait_for_timeout(20)
        raise AssertionError(f"{len(self._held)} requests of {number} came")

    @property
    def number(self) -> int:
        """How many have been held."""
        return len(self._held)

    def end(self) -> None:
        """Let them through one after the other, and what the page makes of them happen."""
        self._chosen = lambda _request: False
        for route in self._held:
            route.continue_()
            self._page.wait_for_timeout(300)


def is_restoring(request: Request) -> bool:
    """Tell whether htmx asks for a place of the history."""
    return "hx-history-restore-request" in request.headers


def is_step(request: Request) -> bool:
    """Tell whether htmx asks for something that somebody did, or for what it asks by itself."""
    return "hx-request" in request.headers and not is_restoring(request)


def is_refresh(request: Request) -> bool:
    """Tell whether free places are counted anew."""
    return request.headers.get("hx-trigger") == "calendar-refresh"
