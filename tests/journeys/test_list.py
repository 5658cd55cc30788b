"""The voucher list: true counts, filters, search, order, and more of it."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.clock import now
from tests.journeys.guests import Site, be_demo_guest, place_of

# Rule 2 of the product, written once more and apart from the portal's own code: an issued
# voucher is expired when its time is over, a booked one when the day of its slot is over too.
COUNTS = """
    SELECT CASE
        WHEN status IN ('issued', 'booked') AND julianday(expires_at) <= julianday(?) THEN 'expired'
        ELSE status END AS shown, COUNT(*)
    FROM vouchers_voucher WHERE holder_uid = '' OR holder_uid = ? GROUP BY shown
"""
DEMO_GUEST = "SELECT holder_uid FROM vouchers_voucher WHERE title = 'Massage' AND batch_id IS NULL"


def shown_counts(page: Page) -> dict[str, int]:
    found = {}
    for tab in page.locator("#voucher-list .tab").all():
        name = (tab.get_attribute("id") or "").removeprefix("tab-")
        found[name] = int(tab.locator(".count").inner_text())
    return found


def titles(page: Page) -> list[str]:
    return page.locator("#voucher-list .card-title").all_inner_texts()


def keys(page: Page) -> list[str]:
    return page.locator("#voucher-list .card").evaluate_all(
        "cards => cards.map(card => new URL(card.href).searchParams.get('voucher'))"
    )


def show_all(page: Page) -> None:
    more = page.locator("#more-cards a")
    while more.count():
        before = page.locator("#voucher-list .card").count()
        more.click()
        expect(page.locator("#voucher-list .card")).not_to_have_count(before)


def true_counts(site: Site, holder: str) -> dict[str, int]:
    counts = dict.fromkeys(("issued", "booked", "consumed", "cancelled", "expired"), 0)
    counts |= dict(site.rows(COUNTS, now().isoformat(), holder))
    return {"all": sum(counts.values()), **counts}


def test_the_status_filter_shows_true_counts_to_a_stranger(page: Page, site: Site):
    page.goto("/")
    assert shown_counts(page) == true_counts(site, holder="nobody")


def test_the_status_filter_counts_a_guests_own_vouchers_too(page: Page, site: Site):
    be_demo_guest(page, site)
    page.goto("/")
    counts = shown_counts(page)
    assert counts["booked"] >= 1
    assert counts == true_counts(site, holder=cookie_uid(page))


def cookie_uid(page: Page) -> str:
    value = next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "guest")
    return value.strip('"').split(":")[0]


@pytest.mark.parametrize("status", ["issued", "consumed", "cancelled", "expired"])
def test_a_status_shows_as_many_vouchers_as_its_tab_says(page: Page, status: str):
    page.goto("/")
    page.locator(f"#tab-{status}").click()
    expect(page.locator(f"#tab-{status}")).to_have_attribute("aria-current", "true")
    expect(page).to_have_url(re.compile(f"status={status}"))
    expect(page.locator(f"#voucher-list .card:not(:has(.chip-{status}))")).to_have_count(0)
    show_all(page)
    said = [
        re.search(r"(\d+) (?:left|vouchers?)\b", card)
        for card in page.locator("#voucher-list .card").all_inner_texts()
    ]
    assert sum(int(found[1]) for found in said if found) == shown_counts(page)[status]


@pytest.mark.sample
def test_hotel_service_and_search_narrow_the_list_together(page: Page):
    page.goto("/")
    page.get_by_label("Hotel").select_option("Quinta das Hortênsias")
    expect(page.locator("#voucher-list .card", has_text="Keizershof")).to_have_count(0)
    assert set(titles(page)) == {"Thermal pool", "Whale watching", "Tasting menu", "Massage"}
    page.get_by_label("Service").select_option("Tour")
    expect(page).to_have_url(re.compile("service=hotel.tour"))
    expect(page.locator("#voucher-list .card", has_text="Thermal pool")).to_have_count(0)
    assert set(titles(page)) == {"Whale watching"}
    page.get_by_label("Service").select_option("All services")
    expect(page.locator("#voucher-list .card", has_text="Thermal pool").first).to_be_visible()
    page.get_by_label("Search").press_sequentially("stones")
    expect(page).to_have_url(re.compile("q=stones"))
    expect(page.locator("#voucher-list .card", has_text="Thermal pool")).to_have_count(0)
    assert set(titles(page)) == {"Massage"}
    expect(page.get_by_label("Search")).to_be_focused()
    expect(page.get_by_label("Search")).to_have_value("stones")
    assert place_of(page)["hotel"] == "quinta-das-hortensias"


# Once, in the very moment in which a new list stands in the page.
_CHOOSE_AT_ONCE = """() => new MutationObserver((_changes, watch) => {
    watch.disconnect();
    const service = document.querySelector("#voucher-list [name=service]");
    service.value = "hotel.tour";
    service.dispatchEvent(new Event("change", { bubbles: true }));
}).observe(document.getElementById("voucher-list").parentNode, { childList: true })"""


def test_a_filter_that_is_chosen_as_the_list_is_replaced_is_not_lost(page: Page):
    page.goto("/")
    page.evaluate(_CHOOSE_AT_ONCE)
    page.get_by_label("Hotel").select_option("Quinta das Hortênsias")
    expect(page).to_have_url(re.compile("hotel=quinta-das-hortensias&service=hotel.tour"))
    expect(page.locator("#voucher-list .card", has_text="Thermal pool")).to_have_count(0)
    assert set(titles(page)) == {"Whale watching"}


def test_a_search_without_a_match_says_so_and_leads_back(page: Page):
    page.goto("/")
    page.get_by_label("Search").fill("submarine")
    expect(page.locator("#voucher-list .empty")).to_contain_text("No voucher matches.")
    assert shown_counts(page)["all"] == 0
    page.get_by_role("link", name="Show all vouchers").click()
    expect(page.locator("#voucher-list .card").first).to_be_visible()


def test_the_list_is_ordered_as_chosen(page: Page, site: Site):
    page.goto("/")
    page.get_by_label("Order").select_option("By name")
    expect(page).to_have_url(re.compile("sort=title"))
    expect(page.locator("#voucher-list .card-title").first).to_have_text("Airport transfer")
    show_all(page)
    assert titles(page) == sorted(titles(page))
    page.get_by_label("Order").select_option("Newest")
    expect(page).to_have_url(re.compile("sort=newest"))
    newest = [key for (key,) in site.rows("SELECT id FROM vouchers_batch ORDER BY id DESC")]
    expect(page.locator("#voucher-list .card").first).to_have_attribute("href", re.compile(newest[0]))
    show_all(page)
    assert keys(page) == newest


def test_show_more_appends_the_rest_once(page: Page, site: Site):
    page.goto("/")
    first = keys(page)
    assert len(first) == 20
    address = page.url
    page.get_by_role("link", name="Show more").click()
    expect(page.locator("#more-cards")).to_have_count(0)
    assert keys(page)[:20] == first
    assert len(set(keys(page))) == len(keys(page)) == site.number("SELECT COUNT(*) FROM vouchers_batch")
    assert page.url == address
