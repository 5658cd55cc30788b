"""Which guest a browser is: a signed cookie."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.http import HttpResponse
from django.test import RequestFactory

from presence.browser import COOKIE, forget_guest_of, guest_uid_of, remember_guest
from tests.make import GUEST_UID, NOW, OTHER_UID


def given_to(uid: str) -> HttpResponse:
    """Return an answer that makes a browser a guest's."""
    response = HttpResponse()
    remember_guest(response, uid)
    return response


def guest_of(value: str | None) -> str:
    """Return which guest a browser with this cookie is."""
    request = RequestFactory().get("/")
    if value is not None:
        request.COOKIES[COOKIE] = value
    return guest_uid_of(request)


def test_a_browser_without_a_cookie_is_nobody() -> None:
    assert guest_of(None) == ""


def test_a_browser_is_the_guest_that_it_was_made() -> None:
    assert guest_of(given_to(GUEST_UID).cookies[COOKIE].value) == GUEST_UID


def test_the_cookie_is_for_the_server_alone_and_for_this_site() -> None:
    cookie = given_to(GUEST_UID).cookies[COOKIE]
    assert cookie["httponly"] is True
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert cookie["domain"] == ""
    assert cookie["max-age"] == 365 * 24 * 3600


@pytest.mark.parametrize("secure", [True, False])
def test_the_cookie_is_bound_to_tls_as_the_settings_say(settings: Any, secure: bool) -> None:
    settings.SESSION_COOKIE_SECURE = secure
    assert bool(given_to(GUEST_UID).cookies[COOKIE]["secure"]) is secure


def test_a_cookie_is_good_for_a_year() -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        value = given_to(GUEST_UID).cookies[COOKIE].value
        clock.shift(timedelta(days=365, seconds=-1))
        assert guest_of(value) == GUEST_UID
        clock.shift(timedelta(seconds=3))
        assert guest_of(value) == ""


@pytest.mark.parametrize("value", ["", GUEST_UID, f"{GUEST_UID}:a:b", "::", "🜁", "x" * 5000, "a\x00b"])
def test_a_forged_cookie_is_nobody(value: str) -> None:
    assert guest_of(value) == ""


def test_no_character_of_a_cookie_can_be_changed() -> None:
    value = given_to(GUEST_UID).cookies[COOKIE].value
    for place in range(len(value)):
        other = "A" if value[place] != "A" else "B"
        assert guest_of(value[:place] + other + value[place + 1 :]) == ""


def test_another_guests_name_does_not_fit_a_signature() -> None:
    value = given_to(GUEST_UID).cookies[COOKIE].value
    assert guest_of(value.replace(GUEST_UID, OTHER_UID)) == ""


def test_a_browser_that_is_forgotten_is_told_to_drop_its_cookie() -> None:
    response = HttpResponse()
    forget_guest_of(response)
    cookie = response.cookies[COOKIE]
    assert (cookie.value, cookie["max-age"], cookie["samesite"]) == ("", 0, "Lax")
