"""Everyone can use every page of the staff: in both themes, on a phone and on a desk.

Generated from the admin's registry and the addresses: a page that is added later is tried by itself.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from django.contrib import admin
from django.db.models import Model
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, expect

from tests.journeys.guests import DESKTOP, PHONE, Site, begin, demo_site
from tests.journeys.test_looks import AS_WIDE, THEMES, look, show_in
from tests.web import path_of, routes

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label_lower)
# Whatever staff can open; files, and what only answers scripts, are no pages.
NO_PAGES = re.compile(
    r"jsi18n|autocomplete|logout|login|/r/|password|desk/(redeem|undo|arrived|no-show)|catch|\.pdf$"
)
# What answers with a file asks nothing.
FILES = {"export_csv", "export_xlsx"}
STAFF_ROUTES = sorted(
    route
    for route, _pattern in routes()
    if route.startswith(("admin/", "desk/")) and not NO_PAGES.search(route)
)
# Rows that are looked at until one has the page that is asked for.
MOST_ROWS = 25


@pytest.fixture(scope="session")
def staffed(
    browser_type_launch_args: dict[str, Any], tmp_path_factory: pytest.TempPathFactory, static_files: None
) -> Iterator[Site]:
    """Serve a portal of its own: what staff do here is nobody else's concern."""
    with demo_site(tmp_path_factory.mktemp("staff")) as site:
        yield site


@pytest.fixture(scope="session")
def signed_in(staffed: Site, browser: Browser) -> StorageState:
    """Sign in once; returns the cookies that every test goes on with."""
    page = begin(browser.new_context()).new_page()
    page.goto(f"{staffed.url}/admin/")
    page.get_by_label("Username").fill("staff")
    page.get_by_label("Password").fill(staffed.staff_password)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#content-main")).to_be_visible()
    state = page.context.storage_state()
    page.context.close()
    return state


@pytest.fixture
def clerk(
    staffed: Site,
    signed_in: StorageState,
    new_context: Callable[..., BrowserContext],
) -> Page:
    """Return the admin's first page of someone who has signed in."""
    context = new_context(viewport=DESKTOP, reduced_motion="reduce", storage_state=signed_in)
    page = context.new_page()
    page.goto(f"{staffed.url}/admin/")
    return page


def keys_of(database: Path, model: type[Model]) -> list[str]:
    """Return the keys of some rows, the newest first."""
    sql = f"SELECT {model._meta.pk.column} FROM {model._meta.db_table} ORDER BY 1 DESC LIMIT {MOST_ROWS}"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return [str(key) for (key,) in connection.execute(sql)]


def faults(page: Page) -> list[str]:
    """Return what is wrong with a page in both themes and at both widths."""
    found = []
    for viewport in (PHONE, DESKTOP):
        page.set_viewport_size(viewport)
        wider = page.evaluate(AS_WIDE)
        if wider > 0:
            found.append(f"{page.url}, {viewport['width']} px: {wider} px too wide")
        for scheme, rules in THEMES:
            show_in(page, scheme)
            for each in look(page, rules).response["violations"]:
                nodes = [node["html"][:160] for node in each["nodes"][:2]]
                found.append(f"{page.url}, {viewport['width']} px, {scheme}: {each['id']} {nodes}")
    return found


def is_there(page: Page, path: str) -> bool:
    """Ask for a page without showing it; False when it is not there, or leads elsewhere."""
    answer = page.request.get(urljoin(page.url, path), max_redirects=0)
    assert answer.status < 500, path
    return answer.status == 200


def opens(page: Page, path: str) -> bool:
    """Open a page; False when it is not there, or leads elsewhere."""
    if not is_there(page, path):
        return False
    answer = page.goto(urljoin(page.url, path))
    assert answer is not None
    assert answer.status == 200, path
    return True


def prefix_of(model: type[Model]) -> str:
    return f"admin/{model._meta.app_label}/{model._meta.model_name}/"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label_lower)
def test_everyone_can_use_the_pages_of(model: type[Model], clerk: Page, staffed: Site) -> None:
    found, seen = [], []
    keys = keys_of(staffed.database, model)
    for route in STAFF_ROUTES:
        if not route.startswith(prefix_of(model)):
            continue
        paths = [path_of(route)]
        if "<" in route:
            paths = [path_of(route, **dict.fromkeys(("object_id", "id", "pk"), key)) for key in keys]
        shown = next((path for path in paths if opens(clerk, path)), None)
        if shown is not None:
            seen.append(shown)
            found += faults(clerk)
    nothing_found = f"/{prefix_of(model)}?q=zzyzx"
    if admin.site._registry[model].search_fields and opens(clerk, nothing_found):
        found += faults(clerk)
    assert f"/{prefix_of(model)}" in seen
    assert not found, "\n".join(found)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label_lower)
def test_everyone_can_use_the_questions_of_actions_on(model: type[Model], clerk: Page, staffed: Site) -> None:
    found = []
    keys = keys_of(staffed.database, model)
    clerk.goto(urljoin(clerk.url, f"/{prefix_of(model)}"))
    names = [each.get_attribute("value") for each in clerk.locator("select[name=action] option").all()]
    for name in (name for name in names if name and name not in FILES):
        clerk.set_viewport_size(DESKTOP)
        clerk.goto(urljoin(clerk.url, f"/{prefix_of(model)}"))
        boxes = clerk.locator("input.action-select")
        if not keys or not boxes.count():
            continue
        boxes.first.check()
        clerk.locator("select[name=action]").select_option(name)
        with clerk.expect_navigation():
            clerk.locator(".actions button[type=submit]").first.click()
        found += faults(clerk)
    assert not found, "\n".join(found)


PLACES = [
    *(f"admin/{app}/" for app in sorted({model._meta.app_label for model in MODELS})),
    *(
        route
        for route in STAFF_ROUTES
        if not re.search(r"[<(]", route) and not any(route.startswith(prefix_of(model)) for model in MODELS)
    ),
]


@pytest.mark.parametrize("route", PLACES)
def test_everyone_can_use(route: str, clerk: Page) -> None:
    if opens(clerk, f"/{route}"):
        found = faults(clerk)
        assert not found, "\n".join(found)


@pytest.mark.sample
def test_the_sign_in_is_for_everyone(staffed: Site, new_context: Callable[..., BrowserContext]) -> None:
    page = new_context().new_page()
    page.goto(f"{staffed.url}/admin/")
    assert not faults(page)
