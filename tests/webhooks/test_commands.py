"""The commands for webhooks: make one, and listen on one's own machine."""

import io
import json
import signal
import threading
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from events.models import Event
from tests.make import make_hotel
from tests.webhooks.receiver import happen, work_at
from webhooks.listener import Listener
from webhooks.management.commands import listen_webhooks
from webhooks.models import Subscription
from webhooks.signing import headers_of, new_secret

pytestmark = pytest.mark.django_db

URL = "https://nobody-knows.invalid/hook"


def test_making_a_webhook_prints_its_secret_alone() -> None:
    make_hotel()
    out, err = io.StringIO(), io.StringIO()
    call_command(
        "create_webhook",
        hotel="hotel-a",
        url=URL,
        types="voucher.book, voucher.issue",
        stdout=out,
        stderr=err,
    )
    webhook = Subscription.objects.get()
    assert out.getvalue() == f"{webhook.secret}\n"
    assert webhook.pk in err.getvalue()
    assert webhook.secret not in err.getvalue()
    assert webhook.event_types == ["voucher.book", "voucher.issue"]
    assert Event.objects.get(type="webhook.create").actor_id == "system:create_webhook"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hotel": "hotel-x"}, "no hotel 'hotel-x'"),
        ({"url": "https://127.0.0.1/"}, "webhook_url_private"),
        ({"url": "ftp://x"}, "webhook_url_invalid"),
        ({"types": "voucher.eaten"}, "voucher.eaten"),
    ],
)
def test_what_is_no_webhook_is_refused_in_words(options: dict[str, str], words: str) -> None:
    make_hotel()
    with pytest.raises(CommandError, match=words):
        call_command("create_webhook", **{"hotel": "hotel-a", "url": URL, **options})
    assert not Subscription.objects.exists()


# Listening


def listen(**options: Any) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("listen_webhooks", hotel="hotel-a", port=0, stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


@pytest.fixture
def deliveries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three events happen and are delivered when the listener is ready."""
    real = listen_webhooks.Command._print_events

    def happening(self: Any, listener: Listener, count: int | None) -> None:
        now = datetime.now(UTC)
        for number in range(3):
            happen(f"v-{number}", now=now)
        work_at(now, tick=True)
        real(self, listener, count)

    monkeypatch.setattr(listen_webhooks.Command, "_print_events", happening)


def test_each_event_is_one_line_of_json_and_the_webhook_is_gone_at_the_end(
    own_machine: None, deliveries: None
) -> None:
    make_hotel()
    out, err = listen(count=3)
    told = [json.loads(line) for line in out.splitlines()]
    assert sorted(event["data"]["subject_id"] for event in told) == ["v-0", "v-1", "v-2"]
    assert not Subscription.objects.exists()
    assert "listens on http://127.0.0.1:" in err
    assert Event.objects.filter(type="webhook.delete").count() == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_listener_that_is_stopped_takes_its_webhook_with_it(
    own_machine: None, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    make_hotel()
    monkeypatch.setattr(
        listen_webhooks.Command, "_print_events", lambda *_arguments: signal.raise_signal(number)
    )
    before = signal.getsignal(signal.SIGTERM)
    # As a program starts with it; workers that other tests ran have put their own in its place.
    others = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        _out, err = listen()
    finally:
        signal.signal(signal.SIGINT, others)
    assert "Stopped." in err
    assert not Subscription.objects.exists()
    assert signal.getsignal(signal.SIGTERM) is before


def test_listening_is_refused_where_webhooks_may_not_reach_this_machine(settings: Any) -> None:
    settings.WEBHOOK_PRIVATE_NETWORKS = []
    make_hotel()
    with pytest.raises(CommandError, match=r"WEBHOOK_PRIVATE_NETWORKS=127\.0\.0\.1/32"):
        listen()
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"count": 0}, "--count"),
        ({"types": "voucher.eaten"}, "voucher.eaten"),
        ({"port": 99999}, "Cannot listen"),
    ],
)
def test_a_listener_that_cannot_be_is_refused_in_words(
    own_machine: None, options: dict[str, Any], words: str
) -> None:
    make_hotel()
    with pytest.raises(CommandError, match=words):
        call_command("listen_webhooks", **{"hotel": "hotel-a", "port": 0, **options})
    assert not Subscription.objects.exists()


def test_a_listener_passes_on_what_is_signed_once_and_refuses_the_rest() -> None:
    notes: list[str] = []
    listener = Listener(0, note=notes.append)
    listener.secret = new_secret()
    threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    body = b'{"type":"webhook.test"}'

    def send(secret: str, content: bytes = body) -> int:
        headers = headers_of("e-1", body, signed_with=[secret], at=datetime.now(UTC))
        try:
            with urllib.request.urlopen(urllib.request.Request(listener.url, content, headers)) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return int(error.code)

    try:
        answers = [
            send(listener.secret),
            send(listener.secret),
            send(new_secret()),
            send(listener.secret, b"{}"),
        ]
    finally:
        listener.shutdown()
        listener.server_close()
    assert answers == [204, 204, 401, 401]
    assert listener.events.get_nowait() == {"type": "webhook.test"}
    assert listener.events.empty()
    assert len(notes) == 2
