"""A real browser before the real server: one portal with demo data for all journeys."""

import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

from tests.browsers import NAMES, found_browser
from tests.journeys.guests import PATIENCE_MS, PHONE, Site, begin, demo_site
from tests.requirements import skip_or_fail

expect.set_options(timeout=PATIENCE_MS)
# A browser's own line about a page that is meant to be refused.
_REFUSED = re.compile(r"^Failed to load resource: the server responded with a status of 4\d\d ")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Use the machine's own Chromium."""
    found = found_browser()
    if found is None:
        skip_or_fail(f"no browser is installed (looked for {', '.join(NAMES)}).")
    # Chromium's sandbox refuses to run as root, as in most containers.
    args = ["--no-sandbox"] if os.geteuid() == 0 else []
    return {**browser_type_launch_args, "executable_path": found, "args": args}


@pytest.fixture(scope="session")
def site(
    browser_type_launch_args: dict[str, Any], tmp_path_factory: pytest.TempPathFactory, static_files: None
) -> Iterator[Site]:
    """Serve the portal with demo data to all journeys."""
    with demo_site(tmp_path_factory.mktemp("journeys")) as site:
        yield site


@pytest.fixture(scope="session")
def base_url(site: Site) -> str:
    """Let addresses in tests be paths."""
    return site.url


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """Whatever a browser complained about; a journey that has any fails, CSP violations included."""
    found: list[str] = []
    yield found
    assert not found, "\n".join(found)


@pytest.fixture
def new_context(
    new_context: Callable[..., BrowserContext], complaints: list[str]
) -> Callable[..., BrowserContext]:
    """Make a guest's browser: a small phone in London where a test says nothing else.

    What it complains about is heard. With `is_turned=True` the test turns its pages' clock by `page.clock`.
    """

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not _REFUSED.match(message.text):
            complaints.append(f"{message.location['url']}: {message.text}")

    def make(*, is_turned: bool = False, **options: Any) -> BrowserContext:
        usual = {"viewport": PHONE, "locale": "en-GB", "timezone_id": "Europe/London"}
        context = begin(new_context(**{**usual, **options}), is_turned=is_turned)
        context.on("console", hear)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        return context

    return make


@pytest.fixture
def someone_else(new_context: Callable[..., BrowserContext]) -> Page:
    """Return a page of another guest's browser."""
    return new_context().new_page()
