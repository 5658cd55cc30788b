"""Keys: made once, shown once, kept as a hash, revoked for good."""

from datetime import timedelta

import pytest

from access.domain import create_key, digest_of, note_use, prune, revoke_key
from access.models import ApiKey, GivenAnswer, KeyState, Usage
from events.models import Event
from portal.callers import Caller, Scope
from portal.errors import Conflict, NotAllowed, Rejected
from tests.api import make_key
from tests.make import CLERK, NOW, make_hotel

pytestmark = pytest.mark.django_db


def test_a_key_is_kept_as_a_hash_alone() -> None:
    key, secret = make_key(make_hotel(), now=NOW)
    stored = ApiKey.objects.filter(pk=key.pk).values().get()
    assert secret.startswith("hvp_")
    assert len(secret) > 40
    assert stored["digest"] == digest_of(secret)
    assert secret not in str(stored)
    assert stored["hint"] == secret[:8]
    assert secret not in str(list(Event.objects.values()))


def test_making_and_revoking_are_journalled() -> None:
    key, _secret = make_key(make_hotel(), scopes=["desk"], now=NOW)
    revoke_key(key_id=key.pk, by=CLERK, now=NOW)
    made, revoked = Event.objects.filter(subject_id=key.pk).order_by("type")
    assert (made.type, made.issuer_uid, made.meta["after"]["scopes"]) == ("key.create", "hotel-a", ["desk"])
    assert (revoked.type, revoked.actor_id) == ("key.revoke", "staff:clerk")


def test_two_keys_are_never_alike() -> None:
    hotel = make_hotel()
    assert len({make_key(hotel, now=NOW)[1] for _number in range(20)}) == 20


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": " "}, "key_name_invalid"),
        ({"name": "x" * 81}, "key_name_invalid"),
        ({"name": "a\x00b"}, "key_name_invalid"),
        ({"scopes": []}, "scopes_invalid"),
        ({"scopes": ["desk", "everything"]}, "scopes_invalid"),
        ({"expires_at": NOW}, "expiry_past"),
    ],
)
def test_a_key_that_cannot_be_is_refused(fields: dict[str, object], code: str) -> None:
    wish = {"name": "test", "scopes": ["desk"], "hotel": make_hotel(), "by": CLERK, "now": NOW, **fields}
    with pytest.raises(Rejected) as refused:
        create_key(**wish)  # type: ignore[arg-type]
    assert refused.value.code == code
    assert refused.value.message
    assert not ApiKey.objects.exists()


def test_a_key_is_good_until_it_expires_or_is_revoked() -> None:
    hotel = make_hotel()
    for_ever, _secret = make_key(hotel, now=NOW)
    for_an_hour, _secret = make_key(hotel, now=NOW, expires_at=NOW + timedelta(hours=1))
    end = NOW + timedelta(hours=1)
    assert for_an_hour.state(end - timedelta(microseconds=1)) == KeyState.GOOD
    assert for_an_hour.state(end) == KeyState.EXPIRED
    assert set(ApiKey.objects.good(NOW)) == {for_ever, for_an_hour}
    assert set(ApiKey.objects.good(end)) == {for_ever}
    revoked = revoke_key(key_id=for_ever.pk, by=CLERK, now=NOW)
    assert revoked.state(NOW) == KeyState.REVOKED
    assert set(ApiKey.objects.good(end)) == set()


def test_revoking_twice_is_refused() -> None:
    key, _secret = make_key(make_hotel(), now=NOW)
    revoke_key(key_id=key.pk, by=CLERK, now=NOW)
    with pytest.raises(Conflict) as refused:
        revoke_key(key_id=key.pk, by=CLERK, now=NOW + timedelta(hours=1))
    assert refused.value.code == "key_revoked"
    assert ApiKey.objects.get().revoked_at == NOW


def test_the_last_use_is_written_once_a_minute(django_assert_num_queries: object) -> None:
    key, _secret = make_key(make_hotel(), now=NOW)
    note_use(key, NOW)
    key.refresh_from_db()
    assert key.last_used_at == NOW
    with django_assert_num_queries(0):  # type: ignore[operator]
        note_use(key, NOW + timedelta(seconds=59))
    note_use(key, NOW + timedelta(seconds=61))
    key.refresh_from_db()
    assert key.last_used_at == NOW + timedelta(seconds=61)


def test_pruning_keeps_the_answers_of_a_day_and_the_usage_of_an_hour() -> None:
    key, _secret = make_key(make_hotel(), now=NOW)
    for name, age in (("new", timedelta(hours=23)), ("old", timedelta(hours=25))):
        GivenAnswer.objects.create(key=key, idempotency_key=name, fingerprint="", created_at=NOW - age)
    minute = int(NOW.timestamp()) // 60
    Usage.objects.create(subject="a:1:read", minute=minute - 59, used=1)
    Usage.objects.create(subject="a:2:read", minute=minute - 61, used=1)
    assert prune(NOW) == 2
    assert [given.idempotency_key for given in GivenAnswer.objects.all()] == ["new"]
    assert [usage.subject for usage in Usage.objects.all()] == ["a:1:read"]


def test_a_caller_speaks_for_its_hotel_alone() -> None:
    own = Caller("k-1", "hotel-a", frozenset(Scope))
    assert own.issuer() == own.issuer("hotel-a") == own.one_issuer() == "hotel-a"
    with pytest.raises(NotAllowed) as refused:
        own.issuer("hotel-b")
    assert refused.value.code == "issuer_foreign"


def test_a_platform_key_speaks_for_the_hotel_it_names() -> None:
    platform = Caller("k-1", None, frozenset(Scope))
    assert platform.is_platform
    assert platform.issuer() is None
    assert platform.one_issuer("hotel-b") == "hotel-b"
    with pytest.raises(Rejected) as refused:
        platform.one_issuer()
    assert refused.value.code == "issuer_missing"
