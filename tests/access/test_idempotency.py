"""Answers that are given once: the same key and body, the same answer."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from access import idempotency
from access.models import GivenAnswer
from bookings.models import Booking
from tests.api import Api, code_of, make_key
from tests.make import GUEST_UID, NOW, OTHER_UID, make_hotel, make_voucher
from vouchers.models import Voucher

pytestmark = pytest.mark.django_db
SLOT = "slot-2026-03-03T08:00:00Z"


def wish(voucher: Voucher, **fields: str) -> dict[str, str]:
    return {"voucher_id": voucher.pk, "slot_id": SLOT, "holder_uid": GUEST_UID, **fields}


def test_the_same_request_is_answered_the_same_and_done_once() -> None:
    api, body = Api(), wish(make_voucher())
    first = api.post("voucher/book", body, Idempotency_Key="a")
    again = api.post("voucher/book", body, Idempotency_Key="a")
    assert first.status_code == again.status_code == 200
    assert first.content == again.content
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert Booking.objects.count() == 1


def test_a_refusal_by_the_state_of_things_is_an_answer_too() -> None:
    api = Api()
    body = wish(make_voucher(holder_uid=OTHER_UID))
    first = api.post("voucher/book", body, Idempotency_Key="a")
    Voucher.objects.update(holder_uid=GUEST_UID)
    again = api.post("voucher/book", body, Idempotency_Key="a")
    assert code_of(first) == code_of(again) == (422, "voucher_held")
    assert code_of(api.post("voucher/book", body, Idempotency_Key="b")) == (200, "")


def test_a_refusal_leaves_nothing_but_its_answer() -> None:
    api, voucher = Api(), make_voucher()
    api.post("voucher/book", wish(voucher), Idempotency_Key="a")
    refused = api.post("voucher/book", wish(voucher), Idempotency_Key="b")
    assert code_of(refused) == (409, "voucher_booked")
    assert Booking.objects.count() == 1
    assert GivenAnswer.objects.get(idempotency_key="b").status == 409


def test_a_twin_that_was_quicker_after_a_refusal_answers_for_both(monkeypatch: Any) -> None:
    api, voucher = Api(), make_voucher(holder_uid=OTHER_UID)
    reserve, tries = idempotency._reserve, []

    def with_a_twin(values: list[Any]) -> int | None:
        tries.append(values)
        if len(tries) == 2:
            # The first try was refused and taken back. Whoever waited for its key has it before it is back.
            key, name, fingerprint, _body, now = values
            GivenAnswer.objects.create(
                key_id=key, idempotency_key=name, fingerprint=fingerprint,
                status=200, body=b'{"ok":true}', created_at=now,
            )  # fmt: skip
        return reserve(values)

    monkeypatch.setattr(idempotency, "_reserve", with_a_twin)
    reply = api.post("voucher/book", wish(voucher), Idempotency_Key="a")
    assert (reply.status_code, reply.content) == (200, b'{"ok":true}')
    assert reply.headers["Idempotent-Replayed"] == "true"
    assert len(tries) == 2


def test_whoever_has_a_key_waits_for_locks_as_ever_and_a_twin_for_five_seconds(monkeypatch: Any) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer, and one timeout")

    def timeout() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            return str(cursor.fetchone()[0])

    before = timeout()
    values = [make_key(make_hotel())[0].pk, "a", "", b"", NOW]
    with transaction.atomic():
        assert idempotency._reserve(values) is not None
        assert timeout() == before
    with transaction.atomic():
        assert idempotency._reserve(values) is None
        assert timeout() == before


def test_the_same_key_with_another_body_or_address_is_refused() -> None:
    api, voucher = Api(), make_voucher()
    api.post("voucher/book", wish(voucher), Idempotency_Key="a")
    other = api.post("voucher/book", wish(voucher, holder_uid=OTHER_UID), Idempotency_Key="a")
    assert code_of(other) == (422, "idempotency_key_reused")
    elsewhere = api.post("voucher/withdraw", wish(voucher), Idempotency_Key="a")
    assert elsewhere.status_code in (400, 422)
    assert Booking.objects.get().holder_uid == GUEST_UID


def test_a_malformed_or_forbidden_request_uses_no_key_up() -> None:
    hotel = make_hotel()
    may_not = Api(make_key(hotel, scopes=["desk"])[1])
    assert code_of(may_not.post("voucher/book", wish(make_voucher()), Idempotency_Key="a"))[0] == 403
    assert code_of(Api().post("voucher/book", {}, Idempotency_Key="a"))[0] == 400
    assert not GivenAnswer.objects.exists()


def test_keys_of_two_callers_are_not_the_same() -> None:
    hotel, voucher = make_hotel(), make_voucher()
    first, second = Api(hotel=hotel), Api(hotel=hotel)
    assert first.post("voucher/book", wish(voucher), Idempotency_Key="a").status_code == 200
    assert code_of(second.post("voucher/book", wish(voucher), Idempotency_Key="a")) == (409, "voucher_booked")


def test_after_a_day_a_key_is_new_again(clock: Any) -> None:
    api, voucher = Api(), make_voucher()
    issue = {"title": "Spa", "valid_from": "2026-03-02T00:00:00Z", "valid_until": "2026-04-02T00:00:00Z"}
    first = api.post("voucher/issue", issue, Idempotency_Key="a")
    clock.shift(timedelta(hours=23, minutes=59))
    assert api.post("voucher/issue", issue, Idempotency_Key="a").content == first.content
    clock.shift(timedelta(minutes=2))
    later = api.post("voucher/issue", issue, Idempotency_Key="a")
    assert later.json()["voucher"]["id"] != first.json()["voucher"]["id"]
    assert api.post("voucher/issue", issue, Idempotency_Key="a").content == later.content
    # Another wish may use it as well, once the day is over.
    clock.shift(timedelta(hours=25))
    body = wish(voucher, slot_id="slot-2026-03-09T08:00:00Z")
    assert api.post("voucher/book", body, Idempotency_Key="a").status_code == 200


@pytest.mark.parametrize("key", ["", " ", "a b", "ä", "x" * 256])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    response = Api().post("voucher/book", wish(make_voucher()), Idempotency_Key=key)
    assert code_of(response) == (400, "idempotency_key_invalid")
    assert not Booking.objects.exists()


def test_without_a_key_nothing_is_kept() -> None:
    Api().post("voucher/book", wish(make_voucher()))
    assert not GivenAnswer.objects.exists()
