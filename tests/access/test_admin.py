"""API keys in the admin: made and shown once, revoked, and nobody else's to see."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from access.domain import digest_of
from access.models import ApiKey
from tests.api import Api, make_key
from tests.make import make_hotel
from tests.staff import act, make_staff, page_of, sign_in, sign_in_root
from vouchers.models import Hotel

pytestmark = pytest.mark.django_db


@pytest.fixture
def hotel() -> Hotel:
    return make_hotel()


@pytest.fixture
def client(hotel: Hotel) -> Client:
    user = make_staff(hotel)
    user.user_permissions.add(*Permission.objects.filter(content_type__app_label="access"))
    return sign_in(user)


def typed(own: Hotel, **fields: Any) -> dict[str, Any]:
    return {
        "name": "Reservations",
        "hotel": own.pk,
        "scopes": ["vouchers:read", "desk"],
        "expires_at_0": "",
        "expires_at_1": "",
        **fields,
    }


def test_a_key_is_made_and_shown_once(client: Client, hotel: Hotel) -> None:
    assert client.get(page_of(ApiKey, "add")).status_code == 200
    response = client.post(page_of(ApiKey, "add"), typed(hotel))
    key = ApiKey.objects.get()
    secret = response.context["link"]
    assert digest_of(secret) == key.digest
    assert "no-store" in response.headers["Cache-Control"]
    assert (key.hotel, key.scopes, key.created_by) == (hotel, ["vouchers:read", "desk"], "staff:clerk")
    assert Api(secret).get("voucher/list").status_code == 200
    for page in (page_of(key), page_of(ApiKey)):
        content = client.get(page).content.decode()
        assert key.hint in content
        assert secret not in content
        assert key.digest not in content


@pytest.mark.parametrize(
    "fields",
    [
        {"hotel": ""},
        {"hotel": "hotel-b"},
        {"scopes": []},
        {"scopes": ["everything"]},
        {"name": ""},
        {"expires_at_0": "2020-01-01", "expires_at_1": "00:00:00"},
    ],
)
def test_a_key_that_cannot_be_is_not_made(client: Client, hotel: Hotel, fields: dict[str, Any]) -> None:
    make_hotel("hotel-b")
    response = client.post(page_of(ApiKey, "add"), typed(hotel, **fields))
    assert response.status_code == 200
    assert not ApiKey.objects.exists()


def test_a_key_is_revoked_after_a_question(client: Client, hotel: Hotel) -> None:
    key, secret = make_key(hotel)
    asked = act(client, "revoke", key)
    assert "stops working at once" in asked.content.decode()
    assert Api(secret).get("voucher/list").status_code == 200
    act(client, "revoke", key, apply="1")
    assert Api(secret).get("voucher/list").json()["code"] == "key_revoked"


def test_a_key_is_neither_edited_nor_deleted(client: Client, hotel: Hotel) -> None:
    key, _secret = make_key(hotel)
    assert client.post(page_of(key), typed(hotel, name="Other")).status_code == 403
    assert client.post(page_of(key, "delete"), {"post": "yes"}).status_code == 403
    assert ApiKey.objects.get().name == "test"


def test_another_hotels_key_and_a_platform_key_do_not_exist(client: Client) -> None:
    foreign, _secret = make_key(make_hotel("hotel-b"))
    platform, _secret = make_key(None)
    listed = client.get(page_of(ApiKey)).content.decode()
    for key in (foreign, platform):
        assert key.pk not in listed
        assert client.get(page_of(key)).status_code == 302
        act(client, "revoke", key, apply="1")
        assert ApiKey.objects.get(pk=key.pk).revoked_at is None


def test_superusers_see_platform_keys() -> None:
    platform, _secret = make_key(None)
    assert platform.pk in sign_in_root().get(page_of(ApiKey)).content.decode()


def test_staff_without_the_permission_make_no_keys(hotel: Hotel) -> None:
    client = sign_in(make_staff(hotel, permissions=["view_voucher"]))
    assert client.get(page_of(ApiKey, "add")).status_code == 403
    assert client.post(page_of(ApiKey, "add"), typed(hotel)).status_code == 403
    assert not ApiKey.objects.exists()
