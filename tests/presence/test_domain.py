"""Guest identity: uids from tokens, and links that carry a guest to another device."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import signing

from portal.errors import Rejected
from presence.domain import (
    make_guest_link_token,
    new_guest_uid,
    read_guest_link_token,
    revoke_guest_links,
    uid_of,
)
from presence.models import Guest
from tests.make import GUEST_UID, NOW, OTHER_UID

SALT = "presence.guest-link"


def refused(token: str) -> str:
    """Expect that a token is refused; returns the code."""
    with pytest.raises(Rejected) as refusal:
        read_guest_link_token(token)
    assert refusal.value.message
    return refusal.value.code


@pytest.mark.parametrize("token", ["", "x", "a" * 10_000, "🜁", "a\x00b"])
def test_a_uid_is_made_of_twelve_hex_digits_whatever_the_token(token: str) -> None:
    assert re.fullmatch(r"thinker-[0-9a-f]{12}", uid_of(token))


def test_a_token_always_has_the_same_uid_and_another_token_another() -> None:
    assert uid_of("token") == uid_of("token")
    assert uid_of("token") != uid_of("Token")


def test_a_uid_does_not_tell_its_token(settings: Any) -> None:
    before = uid_of("token")
    assert "token" not in before
    settings.UID_SECRET = "another-" + "x" * 50
    assert uid_of("token") != before


def test_new_guests_are_told_apart() -> None:
    assert len({new_guest_uid() for _number in range(200)}) == 200


@pytest.mark.django_db
def test_a_link_brings_back_the_guest_it_was_made_for() -> None:
    for uid in (GUEST_UID, OTHER_UID):
        assert read_guest_link_token(make_guest_link_token(uid)) == uid


@pytest.mark.django_db
def test_making_and_reading_links_stores_nothing() -> None:
    read_guest_link_token(make_guest_link_token(GUEST_UID))
    assert not Guest.objects.exists()


@pytest.mark.django_db
def test_a_link_is_good_for_90_days() -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        token = make_guest_link_token(GUEST_UID)
        clock.shift(timedelta(days=90, seconds=-1))
        assert read_guest_link_token(token) == GUEST_UID
        clock.shift(timedelta(seconds=3))
        assert refused(token) == "link_expired"


@pytest.mark.django_db
def test_revoking_switches_every_earlier_link_off_and_no_later_one() -> None:
    first, second = make_guest_link_token(GUEST_UID), make_guest_link_token(GUEST_UID)
    revoke_guest_links(GUEST_UID)
    assert {refused(first), refused(second)} == {"link_expired"}
    third = make_guest_link_token(GUEST_UID)
    assert read_guest_link_token(third) == GUEST_UID
    revoke_guest_links(GUEST_UID)
    assert {refused(first), refused(third)} == {"link_expired"}


@pytest.mark.django_db
def test_revoking_leaves_the_links_of_others() -> None:
    token = make_guest_link_token(OTHER_UID)
    revoke_guest_links(GUEST_UID)
    assert read_guest_link_token(token) == OTHER_UID


@pytest.mark.django_db
@pytest.mark.parametrize(
    "content",
    [
        None, 5, "x", [], [1, 2], {}, {"uid": GUEST_UID}, {"epoch": 0},
        {"uid": GUEST_UID, "epoch": "x"}, {"uid": GUEST_UID, "epoch": None}, {"uid": GUEST_UID, "epoch": []},
    ],
    ids=str,
)  # fmt: skip
def test_a_signed_content_of_another_shape_is_no_link(content: object) -> None:
    assert refused(signing.dumps(content, salt=SALT)) == "link_invalid"


@pytest.mark.django_db
@pytest.mark.parametrize("epoch", [-1, 1, 10**30])
def test_a_link_of_another_epoch_is_switched_off(epoch: int) -> None:
    assert refused(signing.dumps({"uid": GUEST_UID, "epoch": epoch}, salt=SALT)) == "link_expired"


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["", "x", "a:b", "a:b:c", "🜁:🜁:🜁", "x" * 5000, "\x00", ".eJx:1:x"])
def test_what_this_server_did_not_sign_is_no_link(token: str) -> None:
    assert refused(token) == "link_invalid"


@pytest.mark.django_db
def test_what_was_signed_for_something_else_is_no_link() -> None:
    content = {"uid": GUEST_UID, "epoch": 0}
    for salt in ("vouchers.claim-link", "django.core.signing", "presence.guest-cookie"):
        assert refused(signing.dumps(content, salt=salt)) == "link_invalid"


@pytest.mark.django_db
def test_no_character_of_a_link_can_be_changed() -> None:
    token = make_guest_link_token(GUEST_UID)
    for place in range(len(token)):
        other = "A" if token[place] != "A" else "B"
        assert refused(token[:place] + other + token[place + 1 :]) == "link_invalid"


@pytest.mark.django_db
def test_a_link_signed_with_an_older_key_works_while_that_key_is_kept(settings: Any) -> None:
    token = make_guest_link_token(GUEST_UID)
    old, settings.SECRET_KEY = settings.SECRET_KEY, "a-newer-key-" + "x" * 50
    assert refused(token) == "link_invalid"
    settings.SECRET_KEY_FALLBACKS = [old]
    assert read_guest_link_token(token) == GUEST_UID
