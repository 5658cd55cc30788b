"""What browsers are told to keep, and of whom."""

import json
from typing import Any

import pytest
from django.test import Client

from tests.make import GUEST_UID, OTHER_UID, make_booking, make_voucher
from tests.web import browser_of

pytestmark = pytest.mark.django_db


def test_the_worker_looks_after_the_whole_portal_and_is_always_the_newest() -> None:
    answer = Client().get("/sw.js")
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "worker-src 'self'" in answer.headers["Content-Security-Policy"]
    assert b"X-Keep-Offline" in answer.content


def test_only_a_guests_own_pages_may_be_kept_and_each_guests_apart() -> None:
    mine = make_booking()
    theirs = make_booking(make_voucher(), holder_uid=OTHER_UID)
    tags = set()
    for uid, booking in ((GUEST_UID, mine), (OTHER_UID, theirs)):
        marks = {
            browser_of(uid).get(path).headers.get("X-Keep-Offline")
            for path in ("/my/", f"/booking/{booking.pk}/")
        }
        assert len(marks) == 1
        tags |= marks
    assert len(tags) == 2
    assert None not in tags
    assert not any(uid in str(tags) for uid in (GUEST_UID, OTHER_UID))
    for path in ("/", "/my/data/", f"/booking/{mine.pk}/cancel/", f"/booking/{mine.pk}/move/", "/offline/"):
        assert "X-Keep-Offline" not in browser_of(GUEST_UID).get(path).headers
    assert "X-Keep-Offline" not in browser_of().get("/my/").headers
    assert "X-Keep-Offline" not in browser_of().get(f"/booking/{mine.pk}/").headers


@pytest.mark.parametrize(("language", "name"), [("en", "Hotel vouchers"), ("de", "Hotelgutscheine")])
def test_the_installed_portal_has_a_name_in_the_readers_language(language: str, name: str) -> None:
    answer = Client().get("/manifest.webmanifest", headers={"Accept-Language": language})
    assert answer.headers["Content-Type"] == "application/manifest+json"
    content: dict[str, Any] = json.loads(answer.content)
    assert (content["name"], content["lang"], content["dir"]) == (name, language, "ltr")
    assert {icon["purpose"] for icon in content["icons"] if "purpose" in icon} == {"any", "maskable"}
