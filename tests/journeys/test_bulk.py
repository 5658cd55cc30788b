"""A manager hands in a file, looks at it, issues it, and follows the work; with scripts and without."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.journeys.clock import clocked
from tests.journeys.guests import Site, demo_site
from tests.journeys.test_looks import examine
from tests.patience import PATIENCE_SECONDS
from tests.servers import ROOT, environment

NewContext = Callable[..., BrowserContext]


@pytest.fixture(scope="module")
def own_site(tmp_path_factory: pytest.TempPathFactory, static_files: None) -> Iterator[Site]:
    """Serve a portal of its own: thousands of vouchers would be in everybody else's way."""
    with demo_site(tmp_path_factory.mktemp("bulk")) as site:
        yield site


@pytest.fixture
def worker(own_site: Site) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "work"],
        cwd=ROOT,
        env=environment(f"sqlite:///{own_site.database}", **clocked()),
        stderr=subprocess.DEVNULL,
    )
    yield
    process.terminate()
    process.wait(PATIENCE_SECONDS)


def sign_in(new_context: NewContext, site: Site, **options: Any) -> Page:
    page = new_context(**options).new_page()
    page.goto(f"{site.url}/admin/")
    page.get_by_label("Username").fill("staff")
    page.get_by_label("Password").fill(site.staff_password)
    page.get_by_role("button", name="Log in").click()
    return page


def hand_in(page: Page, path: Path) -> None:
    page.goto(urljoin(page.url, "/admin/bulk/job/add/"))
    page.locator("select[name=hotel]").select_option("hotel-keizershof")
    page.locator("input[type=file]").set_input_files(path)
    page.get_by_role("button", name="Check the file").click()
    expect(page.locator("#job")).to_be_visible()


def file_of(folder: Path, name: str, number: int) -> Path:
    path = folder / f"{name}.csv"
    rows = (f"{name} {each},2099-12-31" for each in range(number))
    path.write_text("\n".join(["title,valid_until", *rows]))
    return path


@pytest.mark.parametrize("has_scripts", [pytest.param(True, marks=pytest.mark.sample), False])
def test_a_file_is_checked_and_issued_while_its_page_follows(
    new_context: NewContext, own_site: Site, worker: None, tmp_path: Path, has_scripts: bool
) -> None:
    page = sign_in(new_context, own_site, java_script_enabled=has_scripts)
    name = f"Bulk {has_scripts}"
    hand_in(page, file_of(tmp_path, name, 3000))
    expect(page.locator("#job")).to_contain_text("3000 vouchers can be issued.")
    page.get_by_role("button", name=re.compile("Issue 3000")).click()
    expect(page.locator("#job")).to_contain_text("3000 vouchers were issued.")
    page.get_by_role("link", name="Show the vouchers").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(50)
    sql = "SELECT COUNT(*) FROM vouchers_voucher WHERE title LIKE ?"
    assert own_site.number(sql, f"{name} %") == 3000


def test_everyone_can_use_the_pages_of_jobs(new_context: NewContext, own_site: Site, tmp_path: Path) -> None:
    page = sign_in(new_context, own_site)
    page.goto(urljoin(page.url, "/admin/bulk/job/add/"))
    examine(page)
    hand_in(page, file_of(tmp_path, "Few", 12))
    examine(page)
    page.get_by_role("button", name="Issue 12 vouchers").click()
    expect(page.get_by_role("button", name="Issue 12 vouchers")).to_have_count(0)
    hand_in(page, file_of(tmp_path, "Few", 12))
    expect(page.locator("#job")).to_contain_text("The same rows were handed in before")
    examine(page)
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("title,valid_until\n,never\n")
    hand_in(page, wrong)
    expect(page.locator("#job")).to_contain_text("1 row is wrong.")
    examine(page)
