"""By keys alone, by ear, and with colours of one's own."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.guests import (
    card,
    fill_form,
    focused,
    free_slots,
    new_email,
    next_month,
    open_day,
    open_slot,
    open_voucher,
    tab_to,
)
from tests.journeys.test_booking import assert_visible_focus


def press_on(page: Page, selector: str) -> None:
    """Come to something with Tab, see that it is reached, and press it."""
    assert_visible_focus(tab_to(page, selector, most=90))
    page.keyboard.press("Enter")


@pytest.mark.sample
def test_a_guest_comes_from_the_landing_to_a_cancelled_booking_by_keys_alone(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(focused(page)).to_have_class("skip")
    page.keyboard.press("Enter")
    press_on(page, f".card[href='{card(page, 'Spa hour').get_attribute('href')}']")
    expect(page.locator("#steps-title")).to_be_focused()
    month = page.locator("#month-title").inner_text()
    press_on(page, "#month-next")
    expect(page.locator("#month-title")).not_to_have_text(month)
    press_on(page, "#month-grid a.cell")
    expect(page.locator("#day-title")).to_be_focused()
    press_on(page, "#slot-list a")
    expect(page.locator("#booking-form h3")).to_be_focused()
    tab_to(page, "[name=name]")
    page.keyboard.type("Grace Hopper")
    page.keyboard.press("Tab")
    page.keyboard.type(new_email())
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/booking/b-[^/]+/\?new"))
    press_on(page, ".actions a[href$='/cancel/']")
    expect(page).to_have_url(re.compile("/cancel/$"))
    tab_to(page, "[name=reason]")
    page.keyboard.type("Earlier train")
    press_on(page, ".actions button")
    expect(page.locator(".ticket .chip-cancelled")).to_be_visible()


def test_what_changes_elsewhere_is_said(page: Page) -> None:
    page.goto("/")
    said = page.locator("#said")
    expect(said).to_be_empty()
    page.locator("#tab-issued").click()
    expect(said).to_have_text(re.compile(r"^Issued \d+"))
    open_voucher(page, "Canal tour")
    next_month(page)
    month = page.locator("#month-title").inner_text()
    expect(said).to_have_text(re.compile(rf"^{month}\. The small number is how many times are free"))


def test_show_more_goes_on_where_the_new_cards_begin(page: Page) -> None:
    page.goto("/")
    number = page.locator("#voucher-list .card").count()
    page.get_by_role("link", name="Show more").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#voucher-list .card").nth(number)).to_be_focused()


def test_fields_have_their_hints_and_errors_with_them(page: Page) -> None:
    page.goto("/")
    open_voucher(page, "Spa hour")
    next_month(page)
    open_day(page)
    open_slot(page)
    field = page.get_by_label("Your e-mail address")
    expect(field).to_have_accessible_description("Your confirmation goes there, and nothing else.")
    fill_form(page, email="nobody@nowhere")
    page.locator("#booking-form button[name=slot]").click()
    expect(field).to_have_accessible_description(
        re.compile("nothing else.*valid email|valid email.*nothing else")
    )


def test_the_calendar_reads_as_a_grid(page: Page) -> None:
    page.goto("/")
    open_voucher(page, "Spa hour")
    # The spa is closed for some days a week from now, in this month or the next.
    before = page.locator("#slot-calendar").aria_snapshot()
    next_month(page)
    open_day(page)
    tree = page.locator("#slot-calendar").aria_snapshot()
    month = page.locator("#month-title").inner_text()
    assert f'grid "{month}"' in tree
    assert 'columnheader "Monday"' in tree
    assert re.search(r'link "\w+, \d+ \w+ \d{4}: \d+ free"', tree)
    assert re.search(r'link "[^"]+" \[disabled\]', before + tree)


def test_with_colours_of_ones_own_what_is_chosen_can_be_told(page: Page) -> None:
    page.emulate_media(forced_colors="active")
    page.goto("/")
    open_voucher(page, "Spa hour")
    next_month(page)
    open_day(page)
    open_slot(page)
    for css in ("#month-grid .cell[aria-current]", "#slot-list .slot[aria-current]", ".tab[aria-current]"):
        style = page.locator(css).first.evaluate("node => getComputedStyle(node).outlineStyle")
        assert style == "solid", css
    free = free_slots(page).first
    assert free.evaluate("node => getComputedStyle(node).borderTopStyle") == "solid"


def test_whoever_wants_no_motion_gets_none(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto("/")
    durations = page.evaluate(
        """() => [...document.querySelectorAll("*")].map(node => getComputedStyle(node).transitionDuration)
            .filter(text => !/^(0s(, )?)+$/.test(text))"""
    )
    assert durations == []
    expect(card(page, "Spa hour")).to_be_visible()
