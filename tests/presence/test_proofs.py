"""Proof of a token: fresh, right, and told nobody."""

import hmac
import logging
from typing import Any

import pytest

from events.models import Event
from portal.errors import Rejected
from presence.domain import uid_of
from presence.rooms import verify
from tests.make import NOW

pytestmark = pytest.mark.django_db
TOKEN = "canary-of-a-token-🜁"
TS = int(NOW.timestamp() * 1000)


def sign(token: str = TOKEN, ts: int = TS) -> str:
    return hmac.new(token.encode(), f"{token}.{ts}".encode(), "sha256").hexdigest()


def refused(**fields: Any) -> tuple[int, str]:
    with pytest.raises(Rejected) as refusal:
        verify(**{"token": TOKEN, "ts": TS, "signature": sign(), "now": NOW, **fields})
    assert TOKEN not in refusal.value.message
    assert not Event.objects.exists()
    return refusal.value.status, refusal.value.code


def test_a_token_without_a_signature_is_known_by_itself() -> None:
    found = verify(token=TOKEN, ts=None, signature=None, now=NOW)
    assert found.uid == uid_of(TOKEN)
    assert found.uid == verify(token=TOKEN, ts=TS, signature=sign(), now=NOW).uid


@pytest.mark.parametrize("away", [-300_000, -1, 0, 1, 300_000])
def test_a_signature_is_good_for_five_minutes_either_way(away: int) -> None:
    ts = TS + away
    assert verify(token=TOKEN, ts=ts, signature=sign(ts=ts).upper(), now=NOW).uid == uid_of(TOKEN)


@pytest.mark.parametrize("ts", [0, TS - 300_001, TS + 300_001, 2**53, 10**30, -(10**30)])
def test_an_old_signature_is_stale(ts: int) -> None:
    assert refused(ts=ts, signature=sign(ts=ts)) == (401, "signature_stale")


@pytest.mark.parametrize("signature", ["", "0" * 64, "x", "ü", "\ud800", sign("other"), sign(ts=TS + 1)])
def test_a_wrong_signature_is_refused(signature: str) -> None:
    assert refused(signature=signature) == (401, "signature_invalid")


def test_a_signature_without_its_time_is_no_signature() -> None:
    assert refused(ts=None) == (400, "signature_incomplete")


@pytest.mark.parametrize("token", ["", "x" * 1025, "\ud800"])
def test_what_cannot_be_a_token_is_refused(token: str) -> None:
    assert refused(token=token, signature=None) == (400, "token_invalid")


def test_signatures_are_compared_in_constant_time(monkeypatch: Any) -> None:
    compared = []
    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append((a, b)) or real(a, b))
    verify(token=TOKEN, ts=TS, signature=sign(), now=NOW)
    assert compared == [(sign().encode(), sign().encode())]


def test_a_token_is_in_no_event_and_no_log(caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    verify(token=TOKEN, ts=TS, signature=sign(), now=NOW)
    stored = str(list(Event.objects.values()))
    assert "presence.verify" in stored
    for secret in (TOKEN, sign(), "canary"):
        assert secret not in stored
        assert secret not in caplog.text.replace("\\ud83d", "")
