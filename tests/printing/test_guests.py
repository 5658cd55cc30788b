"""A guest's own voucher and booking as a PDF, and nobody else's."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils.translation import get_language

from bookings.codes import voucher_code
from bookings.domain import cancel_booking, mark_no_show
from portal.actors import guest
from printing.queries import tickets
from tests.checks import unchanged
from tests.make import (
    CLERK,
    GUEST_UID,
    NOW,
    OTHER_UID,
    make_booking,
    make_hotel,
    make_offer,
    make_voucher,
    make_vouchers,
)
from tests.printing.reading import body_of, codes_of, modules_of, pages_of, words_of_pdf
from tests.web import browser_of
from vouchers.domain import redeem_voucher
from vouchers.models import Voucher

pytestmark = pytest.mark.django_db


def print_voucher(voucher: Voucher, uid: str = GUEST_UID, **query: str) -> Any:
    return browser_of(uid).get(f"/voucher/{voucher.pk}/print.pdf", query)


def print_booking(booking: Any, uid: str = GUEST_UID, **query: str) -> Any:
    return browser_of(uid).get(f"/booking/{booking.pk}/print.pdf", query)


def make_own(**fields: Any) -> Voucher:
    return make_voucher(**{"holder_uid": GUEST_UID, "title": "Δείπνο für zwei", **fields})


def test_a_voucher_says_what_it_promises() -> None:
    hotel = make_hotel(name="Grand Hôtel", address="Keizersgracht 410", phone="+31 20 555 0123")
    voucher = make_own(
        hotel=hotel,
        service_type="hotel.dinner",
        description="Four courses.",
        duration_minutes=90,
        price_amount="89.00",
        terms={"Drinks": "not included", "Age": 16},
    )
    words = words_of_pdf(print_voucher(voucher))
    for text in (
        "Grand Hôtel",
        "Keizersgracht 410",
        "+31 20 555 0123",
        "DINNER",
        "Δείπνο für zwei",
        "Four courses.",
        "1 hr 30 mins",
        "€89.00, paid at the hotel",
        "Mon, 2 Mar 2026 – Wed, 1 Apr 2026, 10:00",
        "Drinks: not included",
        "Age: 16",
        "Show this at the front desk.",
        voucher.pk,
    ):
        assert text in words


def test_a_voucher_without_a_price_is_included() -> None:
    assert "Price Included" in words_of_pdf(print_voucher(make_own()))


@pytest.mark.parametrize(
    ("language", "length", "validity"),
    [
        ("en", "Length 1 hr", "Mon, 2 Mar 2026"),
        ("de", "Dauer 1 Std.", "Mo., 2. März 2026"),
        ("nl", "Duur 1 uur", "ma 2 mrt 2026"),
    ],
)
def test_a_voucher_speaks_the_language_that_is_asked_for(language: str, length: str, validity: str) -> None:
    words = words_of_pdf(print_voucher(make_own(), language=language))
    assert length in words
    assert validity in words


def test_without_a_word_it_speaks_the_language_of_the_pages() -> None:
    voucher = make_own()
    answer = browser_of(GUEST_UID).get(f"/voucher/{voucher.pk}/print.pdf", headers={"accept-language": "de"})
    assert "Dauer" in words_of_pdf(answer)


def test_the_code_is_the_signed_one_that_the_desk_reads() -> None:
    voucher = make_own()
    assert codes_of(body_of(print_voucher(voucher))) == [modules_of(voucher_code(voucher.pk))]


def test_an_open_voucher_is_printed_without_the_code_that_would_redeem_it() -> None:
    voucher = make_voucher()
    answer = body_of(print_voucher(voucher, OTHER_UID))
    assert codes_of(answer) == []
    assert "The code for the front desk comes with your booking." in pages_of(answer)[0]


@pytest.mark.parametrize("uid", ["", OTHER_UID])
def test_somebody_elses_voucher_is_answered_as_one_that_does_not_exist(uid: str) -> None:
    assert print_voucher(make_own(), uid).status_code == 404
    assert browser_of(uid).get("/voucher/v-none/print.pdf").status_code == 404


@pytest.mark.parametrize("uid", ["", OTHER_UID])
def test_somebody_elses_booking_is_answered_as_one_that_does_not_exist(uid: str) -> None:
    assert print_booking(make_booking(make_own()), uid).status_code == 404
    assert browser_of(uid).get("/booking/b-none/print.pdf").status_code == 404


def test_a_used_voucher_says_so_and_has_no_code() -> None:
    voucher = make_own()
    redeem_voucher(voucher_id=voucher.pk, by=CLERK, now=NOW)
    answer = body_of(print_voucher(voucher))
    assert "Consumed This voucher can no longer be used." in pages_of(answer)[0]
    assert codes_of(answer) == []


def test_an_expired_voucher_says_so_before_it_is_swept(clock: Any) -> None:
    voucher = make_own()
    clock.move_to(voucher.valid_until)
    answer = body_of(print_voucher(voucher))
    assert "Expired" in pages_of(answer)[0]
    assert codes_of(answer) == []


def test_a_booking_says_when_by_the_hotels_clock_and_for_whom() -> None:
    booking = make_booking(make_own(), start=NOW + timedelta(days=1), name="Олександр Шевченко")
    answer = body_of(print_booking(booking))
    words = pages_of(answer)[0]
    assert "Tuesday, 3 March 2026 09:00–10:00 (Amsterdam)" in words
    assert "Name Олександр Шевченко" in words
    assert booking.voucher_id in words
    assert codes_of(answer) == [modules_of(voucher_code(booking.voucher_id))]


def test_a_cancelled_booking_says_so_and_has_no_code() -> None:
    booking = make_booking(make_own())
    cancel_booking(booking_id=booking.pk, by=guest(GUEST_UID), now=NOW, reason="")
    answer = body_of(print_booking(booking))
    assert "Cancelled" in pages_of(answer)[0]
    assert codes_of(answer) == []


def test_a_booking_whose_guest_did_not_come_says_so_only_where_it_is_over(clock: Any) -> None:
    booking = make_booking(make_own(), start=NOW + timedelta(hours=1))
    clock.move_to(NOW + timedelta(hours=2))
    mark_no_show(booking_id=booking.pk, by=CLERK, now=NOW + timedelta(hours=2))
    assert "Not come" not in words_of_pdf(print_booking(booking))
    clock.move_to(NOW + timedelta(days=60))
    assert "Not come" in words_of_pdf(print_booking(booking))


def test_the_file_is_named_by_its_id_and_kept_by_no_shared_cache() -> None:
    voucher = make_own()
    for answer, key in (
        (print_voucher(voucher), voucher.pk),
        (print_booking(booking := make_booking(make_own())), booking.pk),
    ):
        assert answer.headers["Content-Type"] == "application/pdf"
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{key}.pdf"'
        assert "private" in answer.headers["Cache-Control"]
        assert "no-cache" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    "query", [{"paper": "a3"}, {"language": "fr"}, {"paper": "\x00"}, {"language": "x" * 999}]
)
def test_a_paper_or_language_that_there_is_not_is_refused(query: dict[str, str]) -> None:
    assert print_voucher(make_own(), **query).status_code == 400
    assert print_booking(make_booking(make_own()), **query).status_code == 400


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_printing_changes_nothing_and_takes_no_form(method: str) -> None:
    booking = make_booking(make_own())
    client = browser_of(GUEST_UID)
    with unchanged():
        assert getattr(client, method)(f"/booking/{booking.pk}/print.pdf").status_code == 405
        assert getattr(client, method)(f"/voucher/{booking.voucher_id}/print.pdf").status_code == 405
        print_booking(booking)


def test_the_guests_pages_lead_to_the_files() -> None:
    booking = make_booking(make_own())
    page = browser_of(GUEST_UID).get(f"/booking/{booking.pk}/").content.decode()
    assert f'href="/booking/{booking.pk}/print.pdf"' in page
    page = browser_of(GUEST_UID).get(f"/voucher/{booking.voucher_id}/").content.decode()
    assert f'href="/voucher/{booking.voucher_id}/print.pdf"' in page


@pytest.mark.parametrize("terms", [{}, {"a": {"b": [1, None]}}, {"": ""}])
def test_terms_of_any_shape_are_printed(terms: dict[str, Any]) -> None:
    voucher = make_own()
    Voucher.objects.filter(pk=voucher.pk).update(terms=terms)
    assert voucher.pk in words_of_pdf(print_voucher(voucher))


@pytest.mark.parametrize("terms", [None, [], "text", 5])
def test_terms_that_an_old_row_holds_in_no_shape_at_all_are_left_out(terms: Any) -> None:
    voucher = make_own()
    found = Voucher.objects.select_related("hotel").get(pk=voucher.pk)
    found.terms = terms
    Voucher.objects.filter(pk=voucher.pk).update(terms=terms if terms is not None else {})
    assert voucher.pk in words_of_pdf(print_voucher(voucher))


def test_many_are_read_some_at_a_time_and_each_once(monkeypatch: Any, django_assert_num_queries: Any) -> None:
    monkeypatch.setattr("printing.queries.CHUNK", 3)
    made = make_vouchers(make_offer(), 7)
    with django_assert_num_queries(4):
        found = list(tickets(Voucher.objects.all(), language="de", now=NOW, most=100))
    assert [ticket.id for ticket in found] == sorted(voucher.pk for voucher in made)
    assert found[0].facts[0][0] == "Dauer"


def test_no_language_stays_active_between_two_parts() -> None:
    make_vouchers(make_offer(), 2)
    reading = tickets(Voucher.objects.all(), language="nl", now=NOW, most=100)
    assert next(reading).facts[0][0] == "Duur"
    assert get_language() == "en"
