"""Lists of the admin as files: exactly the rows that are listed, and nothing that reckons."""

import csv
import io
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from bulk import admin_exports
from events.models import Event
from portal.tables import cell
from tests.make import GUEST_UID, NOW, make_booking, make_hotel, make_offer, make_voucher
from tests.staff import make_staff, page_of, sign_in, sign_in_root, told
from vouchers.models import Voucher

pytestmark = pytest.mark.django_db
VOUCHER = (
    "id,issuer_uid,holder_uid,service_type,title,description,duration_minutes,valid_from,valid_until,"
    "price_amount,price_currency,status,transferable,terms,created_at"
)  # fmt: skip


@pytest.fixture
def client() -> Client:
    return sign_in(make_staff(make_hotel()))


def body(response: Any) -> bytes:
    assert response.status_code == 200
    return b"".join(response.streaming_content)


def rows(response: Any) -> list[dict[str, Any]]:
    """Return the rows of an answer, whichever of the two kinds of file it is."""
    content = body(response)
    if response.headers["Content-Type"].startswith("text/csv"):
        return list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    heading, *lines = load_workbook(io.BytesIO(content)).active.iter_rows(values_only=True)
    return [
        dict(zip(heading, ("" if value is None else str(value) for value in line), strict=True))
        for line in lines
    ]


def listed(client: Client, form: str, noun: str = "vouchers_voucher", **query: Any) -> list[dict[str, Any]]:
    return rows(client.get(reverse(f"admin:{noun}_export", args=(form,)), query))


def chosen(client: Client, form: str, *keys: str, noun: str = "vouchers_voucher") -> Any:
    data = {"action": f"export_{form}", "_selected_action": keys}
    return client.post(reverse(f"admin:{noun}_changelist"), data)


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_vouchers_have_the_published_columns(client: Client, form: str) -> None:
    offer = make_offer(price_amount=Decimal("12.50"), terms={"Age": "16"}, transferable=True)
    voucher = make_voucher(offer, holder_uid=GUEST_UID, valid_until=NOW + timedelta(days=1))
    (row,) = listed(client, form)
    assert ",".join(row) == VOUCHER
    assert row["id"] == voucher.pk
    assert (row["issuer_uid"], row["holder_uid"]) == ("hotel-a", GUEST_UID)
    assert (row["price_amount"], row["transferable"]) in (("12.50", "true"), ("12.5", "true"))
    assert row["terms"] == '{"Age": "16"}'
    assert row["valid_until"] == "2026-03-03T08:00:00Z"
    assert row["status"] == "issued"


def test_the_status_is_the_one_that_everyone_sees(client: Client) -> None:
    make_voucher(valid_until=NOW + timedelta(days=1))
    with time_machine.travel(NOW + timedelta(days=2), tick=False):
        assert listed(client, "csv")[0]["status"] == "expired"


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_exactly_the_rows_under_the_filters_and_the_search_come(client: Client, form: str) -> None:
    make_voucher(hotel=make_hotel("hotel-b"), title="Spa of others")
    wanted, other = make_voucher(title="Spa"), make_voucher(title="Dinner")
    assert {row["id"] for row in listed(client, form)} == {wanted.pk, other.pk}
    assert [row["id"] for row in listed(client, form, q="spa")] == [wanted.pk]
    assert listed(client, form, validity="over") == []


def test_more_rows_than_a_page_of_the_list_come(client: Client) -> None:
    for _number in range(60):
        make_voucher(title="Spa")
    assert len(listed(client, "csv", p=2)) == 60


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_the_chosen_rows_of_the_list_come_alone(client: Client, form: str) -> None:
    make_hotel("hotel-b")
    wanted, _other = make_voucher(), make_voucher()
    foreign = make_voucher(hotel=make_hotel("hotel-b"))
    assert [row["id"] for row in rows(chosen(client, form, wanted.pk, foreign.pk))] == [wanted.pk]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_bookings_are_as_the_command_writes_them(client: Client, form: str) -> None:
    booking = make_booking(name='=HYPERLINK("http://x")', note="a\rb\x0b")
    (row,) = listed(client, form, noun="bookings_booking")
    assert row["id"] == booking.pk
    assert row["slot_id"] == "slot-2026-03-03T08:00:00Z"
    assert row["guest_name"].startswith("'=HYPERLINK")


def test_bookings_of_today_are_those_of_the_hotels_day(client: Client) -> None:
    make_booking()
    assert listed(client, "csv", noun="bookings_booking", when="today") == []
    assert len(listed(client, "csv", noun="bookings_booking", when="tomorrow")) == 1


def test_the_journal_comes_with_what_was_before_and_after(client: Client) -> None:
    voucher = make_voucher()
    (row,) = listed(client, "csv", noun="events_event")
    assert (row["type"], row["subject_id"]) == ("voucher.issue", voucher.pk)
    assert '"before": {}' in row["meta"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_what_looks_like_a_formula_is_quoted_in_both_kinds(client: Client, text: str) -> None:
    Voucher.objects.filter(pk=make_voucher().pk).update(title=text)
    for form in ("csv", "xlsx"):
        assert listed(client, form)[0]["title"].startswith("'")


def test_numbers_below_zero_are_numbers() -> None:
    assert (cell(-1), cell(Decimal("-1.5")), cell("-1")) == ("-1", "-1.5", "'-1")


def test_who_may_not_export_does_not(client: Client) -> None:
    make_voucher()
    clerk = sign_in(make_staff(make_hotel(), username="desk", permissions=["view_voucher"]))
    for form in ("csv", "xlsx"):
        assert clerk.get(reverse("admin:vouchers_voucher_export", args=(form,))).status_code == 403
        assert chosen(clerk, form, Voucher.objects.get().pk).headers["Content-Type"].startswith("text/html")
    assert "export/" not in clerk.get(page_of(Voucher)).content.decode()
    assert "export/csv/" in client.get(page_of(Voucher)).content.decode()
    nobody = sign_in(make_staff(make_hotel(), username="nobody", permissions=["export_rows"]))
    assert nobody.get(reverse("admin:vouchers_voucher_export", args=("csv",))).status_code == 403


@pytest.mark.parametrize("path", ["pdf/", "csv/?status__nope=1", "csv/?e=1", "csv/?p=x"])
def test_what_makes_no_sense_leads_back_or_exports_what_is_listed(client: Client, path: str) -> None:
    make_voucher()
    response = client.get(f"/admin/vouchers/voucher/export/{path}")
    assert response.status_code in (200, 302)


def test_a_list_too_long_for_a_workbook_is_said_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_exports, "MOST_IN_WORKBOOK", 1)
    for _number in range(2):
        make_voucher()
    response = client.get(reverse("admin:vouchers_voucher_export", args=("xlsx",)), follow=True)
    assert told(response)["refused"] == ["A workbook holds 1 rows at most. Narrow the list, or take CSV."]
    assert len(listed(client, "csv")) == 2


def test_the_links_of_a_list_keep_its_filters(client: Client) -> None:
    for noun in ("vouchers/voucher", "bookings/booking", "events/event"):
        page = client.get(f"/admin/{noun}/?q=spa").content.decode()
        assert f'href="/admin/{noun}/export/csv/?q=spa"' in page


def test_an_export_asks_once_however_many_rows_there_are(django_assert_num_queries: Any) -> None:
    root = sign_in_root()
    make_booking()
    with django_assert_num_queries(7):
        listed(root, "csv", noun="bookings_booking")
    for _number in range(5):
        make_booking()
    with django_assert_num_queries(7):
        assert len(listed(root, "csv", noun="bookings_booking")) == 6
    assert Event.objects.exists()
