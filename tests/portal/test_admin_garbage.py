"""Characters that PostgreSQL cannot hold, in every address and form of staff's pages: 400, never 500."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from tests.make import make_hotel, make_offer, make_voucher
from tests.staff import page_of, sign_in_root
from tests.web import path_of, routes
from vouchers.models import Voucher

pytestmark = pytest.mark.django_db
STAFF_ROUTES = sorted(route for route, _pattern in routes() if route.startswith(("admin/", "desk/")))
NUL = "\x00"


@pytest.fixture
def client() -> Client:
    return sign_in_root()


def lists() -> list[Any]:
    return [
        (model_admin, reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"))
        for model, model_admin in admin.site._registry.items()
    ]


def test_no_list_breaks_at_a_character_that_cannot_be_stored(client: Client) -> None:
    make_voucher(make_offer())
    for model_admin, address in lists():
        names = ["q", "o", "p", "e", "_facets", f"{model_admin.opts.pk.name}__exact"]
        for name in (*names, "hotel__uid__exact", "shown", "service", "validity", "when", "type__exact"):
            assert client.get(address, {name: NUL}).status_code == 400, (address, name)
            assert client.get(address, {name: f"a{NUL}b"}).status_code == 400, (address, name)
        assert client.get(f"{address}?{NUL}=1").status_code == 400


def test_no_page_breaks_at_a_key_that_cannot_be_stored(client: Client) -> None:
    tried = 0
    for route in STAFF_ROUTES:
        names = dict.fromkeys(("object_id", "id", "voucher_id", "booking_id", "code", "pk"), "%00")
        path = path_of(route, **names)
        if "%00" in path or NUL in path:
            tried += 1
            for method in (client.get, client.post):
                response = method(path)
                # Some lead back to the list that the page belongs to, which says that there is none.
                leads_back = response.status_code == 302 and path.startswith(response.headers["Location"])
                assert leads_back or response.status_code in (400, 404), path
    assert tried > 20


def test_no_action_or_form_breaks_at_a_character_that_cannot_be_stored(client: Client) -> None:
    voucher = make_voucher(make_offer(make_hotel("hotel-a")))
    for model_admin, address in lists():
        for action in ("redeem", "withdraw", "cancel", "delete_selected", NUL):
            data = {"action": action, "_selected_action": [NUL], "apply": "1", "reason": NUL}
            assert client.post(address, data).status_code < 500, (address, action)
        if model_admin.opts.model_name != "user":
            words = {field.name: NUL for field in model_admin.opts.fields}
            assert client.post(f"{address}add/", words).status_code < 500, address
    for path in ("/desk/redeem/", "/desk/undo/", "/desk/arrived/", "/desk/no-show/"):
        assert client.post(path, {"voucher": NUL}).status_code in (400, 404)
    assert client.post(page_of(voucher), {"title": NUL}).status_code < 500
    assert Voucher.objects.get().title == voucher.title
