"""Every operation of the API against every kind of key: generated from the API's own description."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from access.domain import revoke_key
from access.models import ApiKey
from bookings.codes import voucher_code
from bookings.models import Booking
from events.models import Event
from portal.api import api as the_api
from portal.callers import Scope
from presence.rooms import heartbeat
from tests.api import Api, code_of, make_key
from tests.make import (
    CLERK,
    GUEST_UID,
    NOW,
    OTHER_UID,
    make_booking,
    make_hotel,
    make_offer,
    make_voucher,
)
from vouchers.models import Hotel, Offer, Voucher

pytestmark = pytest.mark.django_db
SLOT = "slot-2026-03-04T10:00:00Z"


@dataclass
class World:
    """A hotel with something of everything, and another one."""

    hotel: Hotel
    other: Hotel
    offer: Offer
    voucher: Voucher
    booked: Voucher
    booking: Booking


@pytest.fixture
def world(settings: Any) -> Any:
    settings.API_READS_PER_MINUTE = settings.API_WRITES_PER_MINUTE = 100_000
    with time_machine.travel(NOW, tick=False):
        hotel, other = make_hotel(), make_hotel("hotel-b")
        offer = make_offer(hotel, capacity=5)
        booked = make_voucher(offer, holder_uid=OTHER_UID)
        booking = make_booking(booked, start=NOW + timedelta(days=1, hours=2), holder_uid=OTHER_UID)
        heartbeat(uid=OTHER_UID, now=NOW)
        yield World(hotel, other, offer, make_voucher(offer), booked, booking)


Call = Callable[[Api, World], Any]
# A right request for every operation, by the operation's name.
CALLS: dict[str, tuple[Scope, Call]] = {
    "issueVoucher": (
        Scope.WRITE_VOUCHERS,
        lambda api, world: api.post("voucher/issue", {"offer": world.offer.pk}),
    ),
    "listVouchers": (Scope.READ_VOUCHERS, lambda api, _world: api.get("voucher/list")),
    "readVoucher": (Scope.READ_VOUCHERS, lambda api, world: api.get(f"voucher/{world.booked.pk}")),
    "bookSlot": (
        Scope.WRITE_BOOKINGS,
        lambda api, world: api.post(
            "voucher/book", {"voucher_id": world.voucher.pk, "slot_id": SLOT, "holder_uid": GUEST_UID}
        ),
    ),
    "cancelBooking": (
        Scope.WRITE_BOOKINGS,
        lambda api, world: api.post("voucher/cancel", {"booking_id": world.booking.pk}),
    ),
    "moveBooking": (
        Scope.WRITE_BOOKINGS,
        lambda api, world: api.post("voucher/move", {"booking_id": world.booking.pk, "slot_id": SLOT}),
    ),
    "redeemVoucher": (
        Scope.DESK,
        lambda api, world: api.post("voucher/redeem", {"voucher_id": world.booked.pk}),
    ),
    "withdrawVoucher": (
        Scope.WRITE_VOUCHERS,
        lambda api, world: api.post("voucher/withdraw", {"voucher_id": world.voucher.pk}),
    ),
    "listBookings": (Scope.READ_VOUCHERS, lambda api, _world: api.get("voucher/bookings")),
    "listSlots": (
        Scope.READ_VOUCHERS,
        lambda api, world: api.get("slots/available", voucher_id=world.voucher.pk),
    ),
    "showCalendar": (
        Scope.READ_VOUCHERS,
        lambda api, world: api.get("slots/calendar", voucher_id=world.voucher.pk, month="2026-03"),
    ),
    "listEvents": (Scope.READ_VOUCHERS, lambda api, _world: api.get("events")),
    "listOnline": (Scope.PRESENCE, lambda api, _world: api.get("presence/online")),
}
# What another hotel's key is answered where the request names something that is not its own.
NOT_THERE = {
    "issueVoucher": "offer_not_found",
    "readVoucher": "voucher_not_found",
    "bookSlot": "voucher_not_found",
    "cancelBooking": "booking_not_found",
    "moveBooking": "booking_not_found",
    "redeemVoucher": "voucher_not_found",
    "withdrawVoucher": "voucher_not_found",
    "listSlots": "voucher_not_found",
    "showCalendar": "voucher_not_found",
}
OPERATIONS = sorted(CALLS)


def operations() -> dict[str, dict[str, Any]]:
    schema = the_api.get_openapi_schema(path_prefix="api/")
    return {
        operation["operationId"]: operation
        for path in schema["paths"].values()
        for operation in path.values()
    }


def state() -> list[Any]:
    """Return everything that a request may change."""
    return [list(model.objects.order_by("pk").values()) for model in (Voucher, Booking, Event.objects.model)]


def test_every_operation_that_asks_for_a_key_is_tried_here() -> None:
    asked = {name for name, operation in operations().items() if "x-scope" in operation}
    assert sorted(asked) == OPERATIONS


def test_without_a_key_there_is_presence_alone() -> None:
    free = {name for name, operation in operations().items() if "x-scope" not in operation}
    assert free == {"verifyIdentity", "heartbeat", "match"}


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_scope_that_is_documented_is_the_one_that_is_asked(name: str) -> None:
    assert operations()[name]["x-scope"] == CALLS[name][0]


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_right_key_with_this_scope_alone_is_let_in(world: World, name: str) -> None:
    scope, call = CALLS[name]
    response = call(Api(make_key(world.hotel, scopes=[scope])[1]), world)
    assert code_of(response) == (200, "")


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_bearer_key_is_as_good(world: World, name: str) -> None:
    scope, call = CALLS[name]
    _key, secret = make_key(world.hotel, scopes=[scope])
    assert code_of(call(Api("", Authorization=f"Bearer {secret}"), world)) == (200, "")


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("kind", ["none", "wrong", "almost", "expired", "revoked"])
def test_without_a_good_key_nothing_is_shown_and_nothing_changes(world: World, name: str, kind: str) -> None:
    key, secret = make_key(world.hotel, now=NOW, expires_at=NOW + timedelta(hours=1))
    if kind == "revoked":
        revoke_key(key_id=key.pk, by=CLERK, now=NOW)
    if kind == "expired":
        ApiKey.objects.filter(pk=key.pk).update(expires_at=NOW)
    sent = {"none": "", "wrong": "hvp_" + "x" * 43, "almost": secret[:-1]}.get(kind, secret)
    before = state()
    response = CALLS[name][1](Api(sent), world)
    codes = {"none": "key_missing", "expired": "key_expired", "revoked": "key_revoked"}
    assert code_of(response) == (401, codes.get(kind, "key_unknown"))
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert state() == before
    assert codes.get(kind, "key_unknown") in operations()[name]["responses"][401]["description"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_key_without_the_scope_is_refused(world: World, name: str) -> None:
    scope, call = CALLS[name]
    others = [each for each in Scope if each != scope]
    may_not = Api(make_key(world.hotel, scopes=others)[1])
    before = state()
    assert code_of(call(may_not, world)) == (403, "scope_missing")
    assert state() == before


@pytest.mark.parametrize("name", sorted(NOT_THERE))
def test_another_hotels_key_is_told_what_it_would_be_told_of_nothing(world: World, name: str) -> None:
    strangers = Api(hotel=world.other)
    before = state()
    response = CALLS[name][1](strangers, world)
    assert code_of(response) == (404, NOT_THERE[name])
    assert state() == before
    # The very same words as for ids that never were.
    ghost = World(
        world.hotel,
        world.other,
        Offer(pk="o-ghost"),
        Voucher(pk="v-ghost"),
        Voucher(pk="v-ghost"),
        Booking(pk="b-ghost"),
    )
    assert CALLS[name][1](strangers, ghost).content == response.content
    assert NOT_THERE[name] in operations()[name]["responses"][404]["description"]


@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - set(NOT_THERE)))
def test_another_hotels_key_lists_nothing_of_this_one(world: World, name: str) -> None:
    strangers = Api(hotel=world.other)
    text = CALLS[name][1](strangers, world).content.decode()
    for secret in (world.voucher.pk, world.booking.pk, world.offer.pk, OTHER_UID, "hotel-a"):
        assert secret not in text


@pytest.mark.parametrize("path", ["voucher/list", "voucher/bookings"])
def test_a_hotel_that_is_not_the_keys_is_refused_by_name(world: World, path: str) -> None:
    response = Api(hotel=world.other).get(path, issuer_uid="hotel-a")
    assert code_of(response) == (403, "issuer_foreign")
    unknown = Api(hotel=world.other).get(path, issuer_uid="hotel-ghost")
    assert unknown.content == response.content


def test_another_hotels_code_is_not_redeemed(world: World) -> None:
    code = voucher_code(world.booked.pk)
    assert code_of(Api(hotel=world.other).post("voucher/redeem", {"code": code})) == (
        404,
        "voucher_not_found",
    )
    assert code_of(Api(hotel=world.hotel).post("voucher/redeem", {"code": code})) == (200, "")


def test_a_stranger_cannot_cancel_by_naming_the_voucher(world: World) -> None:
    strangers = Api(hotel=world.other)
    assert code_of(strangers.post("voucher/cancel", {"voucher_id": world.booked.pk})) == (
        404,
        "voucher_not_found",
    )
    assert Booking.objects.get().is_standing


def test_an_event_of_another_hotel_is_no_place_to_go_on_from(world: World) -> None:
    event = Event.objects.filter(issuer_uid="hotel-a").first()
    assert event is not None
    strangers = Api(hotel=world.other)
    assert code_of(strangers.get("events", after=event.pk)) == (422, "cursor_invalid")
    assert strangers.get("events", after="e-ghost").content == strangers.get("events", after=event.pk).content


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_platform_key_acts_for_every_hotel(world: World, name: str) -> None:
    assert code_of(CALLS[name][1](Api(make_key(None)[1]), world)) == (200, "")


def test_a_platform_key_names_the_hotel_that_issues(world: World) -> None:
    platform = Api(make_key(None)[1])
    fields = {"title": "Spa", "valid_from": "2026-03-02T00:00:00Z", "valid_until": "2026-04-02T00:00:00Z"}
    assert code_of(platform.post("voucher/issue", fields)) == (422, "issuer_missing")
    assert code_of(platform.post("voucher/issue", {**fields, "issuer_uid": "ghost"})) == (
        404,
        "hotel_not_found",
    )
    issued = platform.post("voucher/issue", {**fields, "issuer_uid": "hotel-b"})
    assert issued.json()["voucher"]["issuer_uid"] == "hotel-b"
    foreign = platform.post("voucher/issue", {"offer": world.offer.pk, "issuer_uid": "hotel-b"})
    assert code_of(foreign) == (404, "offer_not_found")


@pytest.mark.soak
def test_a_strangers_id_takes_as_long_as_an_unknown_one(world: World) -> None:
    strangers = Api(hotel=world.other)

    def spent(voucher_id: str) -> float:
        began = time.perf_counter()  # noqa: TID251
        strangers.get(f"voucher/{voucher_id}")
        return time.perf_counter() - began  # noqa: TID251

    # In turns, so that whatever else the machine does hits both alike.
    pairs = [(spent(world.booked.pk), spent("v-mwrzwq0u-ghostghost12")) for _number in range(60)]
    known, unknown = (statistics.median(times) for times in zip(*pairs, strict=True))
    assert 0.67 < known / unknown < 1.5


def test_a_strangers_id_costs_the_statements_of_an_unknown_one(
    world: World, django_assert_num_queries: Any
) -> None:
    strangers = Api(hotel=world.other)
    strangers.get("voucher/list")
    for voucher_id in (world.booked.pk, "v-mwrzwq0u-ghostghost12"):
        with django_assert_num_queries(3):
            strangers.get(f"voucher/{voucher_id}")
