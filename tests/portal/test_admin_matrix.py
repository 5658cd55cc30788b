"""Every role, every address and every action of staff's pages, against another hotel's rows.

Generated from the URL resolver and the admin's registry: a page or an action that is added
later is tried by itself. Whatever belongs to the other hotel carries a mark.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db.models import ForeignKey, Model
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from access.domain import create_key
from bookings.codes import voucher_code
from bookings.models import Hold, Mail
from bulk.models import Job
from events.models import Event
from feeds.domain import make_hotel_feed
from portal.callers import Scope
from presence.models import Guest, Room
from staff.roles import ROLES
from tests.make import HOTEL_SYSTEM, make_booking, make_hotel, make_offer, make_voucher
from tests.staff import sign_in
from tests.web import path_of, routes
from vouchers.domain import redeem_voucher
from vouchers.models import Closure, Hotel, Offer, Voucher
from waiting.models import Entry
from webhooks.models import Delivery, Subscription

pytestmark = pytest.mark.django_db
MARK = "zzyzx"
STAFF_ROUTES = sorted(route for route, _pattern in routes() if route.startswith(("admin/", "desk/")))
# The names that routes have for a row's key.
KEYS = ("object_id", "id", "voucher_id", "booking_id", "offer_id", "batch_id", "code", "pk")


@pytest.fixture
def now() -> Any:
    return timezone.now().replace(minute=0, second=0, microsecond=0)


@pytest.fixture
def foreign(now: Any) -> list[Model]:
    """One row of everything that another hotel has, marked wherever a text can stand."""
    hotel = make_hotel(f"hotel-{MARK}", name=MARK, address=MARK, time_zone="UTC")
    boss = User.objects.create_user(f"boss-{MARK}", is_staff=True, last_name=MARK)
    boss.groups.add(Group.objects.get(name="Hotel admin"))
    hotel.staff.add(boss)
    rows = everything_of(hotel, now)
    room = Room.objects.create(id=f"r-{MARK}", pair_code=MARK, created_at=now)
    return [hotel, boss, room, Guest.objects.create(uid=f"g-{MARK}"), *rows]


def everything_of(hotel: Hotel, now: Any, mark: str = MARK) -> list[Model]:
    """Make a row of everything that belongs to a hotel."""
    offer = make_offer(hotel, title=mark, description=mark, capacity=5, max_per_guest=9)
    Closure.objects.create(offer=offer, first_day=now.date(), last_day=now.date(), reason=mark)
    valid = {"valid_from": now - timedelta(days=2), "valid_until": now + timedelta(days=30)}
    start = (now + timedelta(days=2)).replace(hour=12)
    vouchers = [make_voucher(offer, now=now, holder_uid=mark, **valid) for _number in range(3)]
    batch = make_voucher(offer, now=now, **valid).batch
    booking = make_booking(
        vouchers[0],
        start=start,
        holder_uid=mark,
        now=now,
        name=mark,
        email=f"{mark}@{mark}.example",
        note=mark,
    )
    redeem_voucher(voucher_id=vouchers[1].pk, by=HOTEL_SYSTEM, now=now)
    key, _secret = create_key(name=mark, hotel=hotel, scopes=list(Scope), by=HOTEL_SYSTEM, now=now)
    hook = Subscription.objects.create(
        id=f"w-{mark}", hotel=hotel, url=f"https://{mark}.example/", secret=f"whsec_{mark}", created_at=now
    )
    event = Event.objects.filter(issuer_uid=hotel.pk).latest("pk")
    delivery = Delivery.objects.create(subscription=hook, event=event, created_at=now, failed_at=now)
    mail = Mail.objects.get(booking=booking)
    mail.failed_at = now
    mail.save()
    job = Job.objects.create(
        id=f"j-{mark}", hotel=hotel, offer=offer, kind="holders", state="ready", form_key=uuid4(),
        asked_by=f"staff:{mark}", created_at=now, file_name=f"{mark}.csv", terms={}, vouchers_number=1,
        sample=[], problems=[{"number": 1, "field": mark, "reason": mark}],
    )  # fmt: skip
    hold = Hold.objects.create(
        id=f"h-{mark}",
        kind="offer",
        guest_uid=mark,
        offer=offer,
        slot_start=start,
        slot_end=start + timedelta(hours=1),
        taken_at=now,
        expires_at=now + timedelta(days=1),
    )
    entry = Entry.objects.create(
        id=f"q-{mark}",
        hotel=hotel,
        offer=offer,
        promise_key=vouchers[2].pk,
        title=mark,
        guest_uid=mark,
        guest_name=mark,
        guest_email=f"{mark}@{mark}.example",
        day=start.date(),
        joined_at=now,
    )
    feed, _address = make_hotel_feed(hotel=hotel, name=mark, by=HOTEL_SYSTEM, now=now)
    return [offer, *vouchers, batch, booking, mail, key, hook, delivery, event, job, hold, entry, feed]


@pytest.fixture(params=sorted(ROLES))
def clerk(request: pytest.FixtureRequest, foreign: list[Model], now: Any) -> User:
    """Somebody of one role at one's own hotel, which has something of everything as well."""
    hotel = make_hotel("hotel-own", time_zone="UTC")
    everything_of(hotel, now, "own")
    user = User.objects.create_user("clerk", is_staff=True)
    user.groups.add(Group.objects.get(name=request.param))
    hotel.staff.add(user)
    return user


def state() -> dict[str, Any]:
    """Return every row that is not the sign-in's own business."""
    return {
        model._meta.label: sorted(map(str, model._default_manager.values()))
        for model in apps.get_models()
        if model._meta.app_label not in ("sessions", "admin", "axes", "contenttypes")
        # Whoever signs in is noted to have done so.
        and model is not User
    }


def ways(rows: list[Model]) -> Iterator[tuple[str, Model | None]]:
    """Yield every path of staff's pages, filled with the foreign row that it may be about."""
    for route in STAFF_ROUTES:
        if "<" not in route:
            yield path_of(route), None
            continue
        own = [row for row in rows if f"/{row._meta.app_label}/{row._meta.model_name}/" in f"/{route}"]
        for row in own or rows:
            values = dict.fromkeys(KEYS, str(row.pk))
            if isinstance(row, Voucher):
                values["code"] = voucher_code(row.pk)
            yield path_of(route, **values), row


def shows_mark(response: Any, asked_for: Sequence[Model] = ()) -> bool:
    """Tell whether an answer shows anything marked; a refusal may repeat the id that was asked for."""
    content = b"".join(response.streaming_content) if response.streaming else response.content
    text = content.decode(errors="replace").lower()
    for row in asked_for:
        text = text.replace(str(row.pk).lower(), "")
    return MARK in text


def test_no_address_shows_or_changes_what_is_another_hotels(clerk: User, foreign: list[Model]) -> None:
    client = sign_in(clerk)
    before = state()
    seen = set()
    for path, _row in ways(foreign):
        for data in (None, {"post": "yes", "reason": "x", "apply": "1", "name": "x", "is_here": "1"}):
            response = client.get(path) if data is None else client.post(path, data)
            assert response.status_code < 500, path
            followed = client.get(response.headers["Location"]) if response.status_code == 302 else response
            assert not shows_mark(followed, foreign), (path, data)
        seen.add(path)
    assert len(seen) > 100
    after = state()
    for label, rows in before.items():
        kept = [text for text in rows if MARK in text]
        assert [text for text in after[label] if MARK in text] == kept, label


def test_no_list_search_or_filter_finds_what_is_another_hotels(clerk: User, foreign: list[Model]) -> None:
    client = sign_in(clerk)
    tried = 0
    for model, model_admin in admin.site._registry.items():
        path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        if client.get(path).status_code == 403:
            continue
        rows = [row for row in foreign if type(row) is model]
        searches = [MARK, *(str(row.pk) for row in rows)]
        for text in searches if model_admin.search_fields else ():
            listed = client.get(path, {"q": text})
            shown = listed.context["cl"].result_list if listed.status_code == 200 else []
            assert not any(found in foreign for found in shown), (path, text)
        for field in model._meta.get_fields():
            if isinstance(field, ForeignKey):
                for row in foreign:
                    if type(row) is field.related_model:
                        listed = client.get(path, {f"{field.name}__{row._meta.pk.name}__exact": row.pk})
                        shown = listed.context["cl"].result_list if listed.status_code == 200 else []
                        assert not any(found in foreign for found in shown), (path, field.name)
        tried += 1
    assert tried >= 5


def test_no_autocomplete_offers_what_is_another_hotels(clerk: User, foreign: list[Model]) -> None:
    client = sign_in(clerk)
    for model in admin.site._registry:
        for field in (*model._meta.fields, *model._meta.many_to_many):
            if field.remote_field is None:
                continue
            names = {"app_label": model._meta.app_label, "model_name": model._meta.model_name}
            for term in ("", MARK, "boss"):
                asked = {**names, "field_name": field.name, "term": term}
                answer = client.get(reverse("admin:autocomplete"), asked)
                assert not shows_mark(answer), (model, field.name)


def test_no_form_offers_what_is_another_hotels(clerk: User, foreign: list[Model]) -> None:
    client = sign_in(clerk)
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert not shows_mark(client.get(reverse(f"{name}_add"), follow=True)), model
        for own in model._default_manager.exclude(pk__in=[row.pk for row in foreign if type(row) is model])[
            :3
        ]:
            assert not shows_mark(client.get(reverse(f"{name}_change", args=(own.pk,)), follow=True)), own


def test_no_action_touches_what_is_another_hotels(clerk: User, foreign: list[Model]) -> None:
    client = sign_in(clerk)
    request = RequestFactory().get("/")
    request.user = clerk
    before = state()
    tried = []
    for model, model_admin in admin.site._registry.items():
        path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        rows = [row for row in foreign if type(row) is model]
        for action in [*model_admin.get_actions(request), *_names_of(model_admin)]:
            for row in rows:
                data = {"action": action, "_selected_action": [row.pk], "apply": "1", "reason": "x"}
                response = client.post(path, {**data, "file_format": "0", "resource": "0"}, follow=True)
                assert response.status_code < 500, (path, action)
                assert not shows_mark(response, foreign), (path, action)
                tried.append((model, action))
    assert len(tried) > 20
    after = state()
    for label, rows_before in before.items():
        kept = [text for text in rows_before if MARK in text]
        assert [text for text in after[label] if MARK in text] == kept, label


def _names_of(model_admin: Any) -> list[str]:
    """Return the names of all actions, whether this user is offered them or not."""
    return [action if isinstance(action, str) else action.__name__ for action in model_admin.actions or ()]


def test_whoever_is_no_staff_gets_in_nowhere(foreign: list[Model]) -> None:
    guest = User.objects.create_user("guest")
    open_to_all = ("/admin/login/", "/admin/jsi18n/", "/admin/logout/")
    for client in (Client(), sign_in(guest)):
        for path, _row in ways(foreign):
            response = client.get(path)
            if path not in open_to_all:
                assert response.status_code in (302, 403, 404), path
                assert response.status_code != 302 or "/login/" in response.headers["Location"], path


def test_staff_without_a_role_see_nothing(foreign: list[Model]) -> None:
    nobody = User.objects.create_user("nobody", is_staff=True)
    make_hotel("hotel-own").staff.add(nobody)
    client = sign_in(nobody)
    for path, _row in ways(foreign):
        assert not shows_mark(client.get(path), foreign), path
    for model in admin.site._registry:
        path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        assert client.get(path).status_code == 403, path


def test_an_offer_of_another_hotel_cannot_be_issued_from(clerk: User, foreign: list[Model]) -> None:
    offer = next(row for row in foreign if isinstance(row, Offer))
    number = Voucher.objects.count()
    fields = {"issuer_uid": "hotel-own", "offer": offer.pk, "title": "x"}
    sign_in(clerk).post(reverse("admin:vouchers_voucher_add"), fields)
    sign_in(clerk).post(reverse("admin:vouchers_voucher_add"), {**fields, "issuer_uid": f"hotel-{MARK}"})
    assert Voucher.objects.count() == number
