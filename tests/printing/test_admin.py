"""Staff print many vouchers at once: those they chose, and the open ones of a batch."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from bookings.codes import voucher_code
from tests.checks import unchanged
from tests.make import GUEST_UID, NOW, make_booking, make_hotel, make_offer, make_voucher, make_vouchers
from tests.printing.reading import body_of, codes_of, modules_of, pages_of
from tests.staff import act, assert_strict, make_staff, page_of, sign_in, sign_in_root, told
from vouchers.models import Batch, Hotel, Voucher

pytestmark = pytest.mark.django_db
CHOICE = {"apply": "1", "paper": "a6", "language": "en"}


@pytest.fixture
def hotel() -> Hotel:
    return make_hotel()


@pytest.fixture
def client(hotel: Hotel) -> Client:
    return sign_in(make_staff(hotel))


def print_chosen(client: Client, *vouchers: Voucher, **data: str) -> Any:
    return act(client, "print_pdf", *vouchers, **{**CHOICE, **data})


def page_of_batch(batch: Batch | None) -> str:
    assert batch is not None
    return reverse("admin:vouchers_batch_print", args=(batch.pk,))


def print_batch(client: Client, batch: Batch | None, **data: str) -> Any:
    return client.post(page_of_batch(batch), {**CHOICE, **data}, follow=True)


# Chosen vouchers


def test_the_action_asks_for_paper_and_language_first(client: Client) -> None:
    voucher = make_voucher(make_offer())
    with unchanged():
        response = act(client, "print_pdf", voucher)
    assert_strict(response)
    page = response.content.decode()
    assert "Print vouchers" in page
    assert "1 voucher" in page
    assert 'name="paper"' in page
    assert 'name="language"' in page
    assert f'name="_selected_action" value="{voucher.pk}"' in page


@pytest.mark.parametrize("choice", [{"paper": "a3"}, {"language": "fr"}, {"paper": ""}])
def test_a_choice_that_there_is_not_is_asked_for_again(client: Client, choice: dict[str, str]) -> None:
    assert print_chosen(client, make_voucher(make_offer()), **choice).status_code == 422


def test_chosen_vouchers_are_printed_with_their_codes(client: Client) -> None:
    first, second, _left_out = make_vouchers(make_offer(), 3)
    data = body_of(print_chosen(client, second, first))
    pages = pages_of(data)
    assert [key in page for key, page in zip(sorted((first.pk, second.pk)), pages, strict=True)] == [True] * 2
    assert codes_of(data) == [modules_of(voucher_code(key)) for key in sorted((first.pk, second.pk))]


def test_four_fit_on_a_sheet_in_the_language_that_was_chosen(client: Client) -> None:
    vouchers = make_vouchers(make_offer(), 5)
    pages = pages_of(body_of(print_chosen(client, *vouchers, paper="a4", language="de")))
    assert [page.count("Dauer") for page in pages] == [4, 1]


def test_a_booked_voucher_is_printed_with_its_code_and_a_used_one_without(client: Client) -> None:
    booked = make_booking(make_voucher(make_offer()), start=NOW + timedelta(hours=3)).voucher
    over = make_voucher(valid_from=NOW - timedelta(days=9), valid_until=NOW - timedelta(days=1))
    data = body_of(print_chosen(client, booked, over))
    assert codes_of(data) == [modules_of(voucher_code(booked.pk))]
    assert "Expired" in " ".join(pages_of(data))


def test_the_file_of_staff_is_kept_by_no_cache(client: Client) -> None:
    response = print_chosen(client, make_voucher(make_offer()))
    assert response.streaming
    assert response.headers["Content-Disposition"] == 'attachment; filename="vouchers.pdf"'
    assert {"private", "no-store"} <= set(response.headers["Cache-Control"].split(", "))


def test_another_hotels_voucher_is_never_printed(client: Client) -> None:
    own = make_voucher(make_offer())
    other = make_voucher(make_offer(make_hotel("hotel-b"), title="Theirs"))
    words = " ".join(pages_of(body_of(print_chosen(client, own, other))))
    assert own.pk in words
    assert other.pk not in words
    assert "Theirs" not in words
    response = print_chosen(client, other)
    assert told(response)["refused"] == ["None of the chosen vouchers is in this list."]


def test_more_than_five_hundred_are_refused_with_a_word(client: Client) -> None:
    vouchers = make_vouchers(make_offer(), 501)
    for data in (CHOICE, {}):
        response = act(client, "print_pdf", *vouchers, **data)
        assert not response.streaming
        assert told(response) == {"worked": [], "refused": ["Choose at most 500 rows at once."]}
    assert print_chosen(client, *vouchers[:500]).streaming


def test_all_rows_of_a_list_are_counted_too(client: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr("printing.admin.MOST_AT_ONCE", 2)
    monkeypatch.setattr("portal.admin_actions.MOST_AT_ONCE", 2)
    first, *_others = make_vouchers(make_offer(), 3)
    response = print_chosen(client, first, select_across="1")
    assert told(response)["refused"] == ["Choose at most 2 rows at once."]


def test_who_may_only_look_at_vouchers_is_offered_no_printing(hotel: Hotel) -> None:
    voucher = make_voucher(make_offer())
    viewer = sign_in(
        make_staff(hotel, username="viewer", permissions=["view_voucher", "view_batch", "view_hotel"])
    )
    assert not getattr(print_chosen(viewer, voucher), "streaming", False)
    assert "print_pdf" not in viewer.get(page_of(Voucher)).content.decode()
    assert "/print/" not in viewer.get(page_of(voucher.batch)).content.decode()


def test_what_could_be_done_with_vouchers_before_is_still_there(client: Client) -> None:
    make_voucher(make_offer())
    page = client.get(page_of(Voucher)).content.decode()
    for action in ("redeem", "undo", "withdraw", "print_pdf"):
        assert f'value="{action}"' in page


# A batch


def test_a_batch_prints_what_nobody_holds_and_can_still_be_used(client: Client) -> None:
    offer = make_offer(capacity=5)
    vouchers = make_vouchers(offer, 6)
    booked, used, withdrawn, held, *left = vouchers
    make_booking(booked, start=NOW + timedelta(hours=3))
    Voucher.objects.filter(pk=used.pk).update(status="consumed")
    Voucher.objects.filter(pk=withdrawn.pk).update(status="cancelled")
    Voucher.objects.filter(pk=held.pk).update(holder_uid=GUEST_UID)
    make_voucher(make_offer(title="Another batch"))
    data = body_of(print_batch(client, booked.batch))
    assert codes_of(data) == [
        modules_of(voucher_code(voucher.pk)) for voucher in sorted(left, key=lambda v: v.pk)
    ]


def test_the_page_of_a_batch_says_how_many_and_works_under_a_strict_policy(client: Client) -> None:
    batch = make_vouchers(make_offer(), 3)[0].batch
    response = client.get(page_of_batch(batch))
    assert_strict(response)
    assert "3 vouchers" in response.content.decode()
    assert page_of_batch(batch) in client.get(page_of(batch)).content.decode()


def test_the_file_of_a_batch_is_sent_while_it_is_drawn(client: Client) -> None:
    batch = make_voucher(make_offer()).batch
    response = print_batch(client, batch)
    assert response.streaming
    assert response.headers["Content-Disposition"] == f'attachment; filename="{batch.pk}.pdf"'
    assert {"private", "no-store"} <= set(response.headers["Cache-Control"].split(", "))


def test_of_a_batch_that_is_too_large_the_page_says_what_is_left_out(
    client: Client, monkeypatch: Any
) -> None:
    monkeypatch.setattr("printing.admin.MOST_OF_BATCH", 2)
    batch = make_vouchers(make_offer(), 3)[0].batch
    assert "Only the first 2 are printed." in client.get(page_of_batch(batch)).content.decode()
    assert len(pages_of(body_of(print_batch(client, batch)))) == 2


def test_a_batch_without_open_vouchers_says_so_and_offers_nothing(client: Client, clock: Any) -> None:
    batch = make_voucher(make_offer()).batch
    clock.move_to(NOW + timedelta(days=4000))
    client.force_login(make_staff(make_hotel(), username="late"))
    for response in (client.get(page_of_batch(batch), follow=True), print_batch(client, batch)):
        assert told(response)["refused"] == ["This batch has no open voucher."]
    assert page_of_batch(batch) not in client.get(page_of(batch)).content.decode()


def test_another_hotels_batch_does_not_exist(client: Client) -> None:
    batch = make_voucher(make_offer(make_hotel("hotel-b"))).batch
    for response in (client.get(page_of_batch(batch), follow=True), print_batch(client, batch)):
        assert not response.streaming
        assert told(response)["refused"] == ["There is no such batch."]
    assert print_batch(sign_in_root(), batch).streaming


def test_a_batch_is_printed_by_those_alone_who_may_hand_vouchers_out(hotel: Hotel) -> None:
    batch = make_voucher(make_offer()).batch
    viewer = sign_in(make_staff(hotel, username="viewer", permissions=["view_voucher", "view_batch"]))
    assert viewer.get(page_of_batch(batch)).status_code == 403
    assert print_batch(viewer, batch).status_code == 403
    assert Client().get(page_of_batch(batch)).status_code == 302


@pytest.mark.parametrize("key", ["vb-none", "\x00", "<script>", "x" * 999, "a/b"])
def test_garbage_as_a_batch_is_answered_as_an_unknown_one(client: Client, key: str) -> None:
    response = client.get(reverse("admin:vouchers_batch_print", args=(key,)), follow=True)
    assert told(response)["refused"] == ["There is no such batch."]
