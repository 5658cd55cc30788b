"""What machines ask of the portal: alive, ready, and its numbers."""

import os
import re
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import OperationalError, connection
from django.test import Client

from bookings.domain import cancel_booking
from bookings.models import Mail
from operations import exposition, health
from operations.domain import Heart
from operations.models import WorkerBeat
from portal import metrics, metrics_files
from portal.metrics import MOST_CODES, note_refusal
from tests.make import CLERK, NOW, make_booking
from tests.patience import PATIENCE_SECONDS
from tests.web import browser_of

pytestmark = pytest.mark.django_db
Usage = namedtuple("Usage", "total used free")


def numbers(client: Client, **headers: str) -> dict[str, float]:
    """Return the numbers by name and labels, as they are exposed."""
    text = client.get("/metrics", headers=headers).content.decode()
    lines = re.findall(r"^(\w+(?:\{[^}]*\})?) ([\d.e+-]+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in lines}


def growth(before: dict[str, float], after: dict[str, float], name: str) -> float:
    return after.get(name, 0) - before.get(name, 0)


@pytest.fixture(autouse=True)
def unbounded() -> Iterator[None]:
    """Whatever tests of other views had counted is not in the way of these."""
    metrics._series.cache_clear()
    yield
    metrics._series.cache_clear()


@pytest.fixture
def worker() -> None:
    """A worker that has just shown that it lives."""
    Heart().beat(NOW)


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that does not answer."""

    def refuse(*_arguments: object) -> None:
        raise OperationalError("connection to server at db failed: password=secret")

    monkeypatch.setattr(connection, "cursor", refuse)
    monkeypatch.setattr(health._Migrated, "is_known", False)


def ask_ready(client: Client, query: str = "", *, at: timedelta = timedelta()) -> tuple[int, Any]:
    with time_machine.travel(NOW + at, tick=False):
        response = client.get(f"/readyz{query}")
    return response.status_code, response.json()


# Alive


def test_a_process_is_alive_whatever_host_and_scheme_it_is_asked_by(client: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    response = client.get("/healthz", headers={"host": "10.9.8.7:8000"})
    assert (response.status_code, response.content) == (200, b"ok")


def test_a_process_is_alive_while_the_database_is_away(client: Client, away: None) -> None:
    assert client.get("/healthz").status_code == 200


def test_probes_ask_the_database_for_a_statement_each_at_most(
    client: Client, worker: None, django_assert_num_queries: Any
) -> None:
    ask_ready(client)
    with django_assert_num_queries(0):
        client.get("/healthz")
    with django_assert_num_queries(2):
        ask_ready(client)


# Ready


def test_a_portal_in_order_is_ready_and_names_each_part(client: Client, worker: None) -> None:
    status, content = ask_ready(client)
    assert status == 200
    assert content["ready"] is True
    assert set(content["parts"]) == {"database", "migrations", "worker", "disk"}
    assert all(part["ok"] for part in content["parts"].values())


def test_without_a_sign_of_life_of_any_worker_it_is_not_ready(client: Client) -> None:
    status, content = ask_ready(client)
    assert status == 503
    assert [name for name, part in content["parts"].items() if not part["ok"]] == ["worker"]


@pytest.mark.parametrize(("seconds", "status"), [(59, 200), (60, 503)])
def test_a_worker_that_is_silent_for_a_minute_is_gone(
    client: Client, worker: None, seconds: int, status: int
) -> None:
    assert ask_ready(client, at=timedelta(seconds=seconds))[0] == status


def test_a_load_balancer_asks_for_the_parts_that_a_web_machine_needs(client: Client) -> None:
    status, content = ask_ready(client, "?part=database&part=migrations")
    assert status == 200
    assert set(content["parts"]) == {"database", "migrations"}


def test_a_part_that_there_is_not_is_nobodys_address(client: Client) -> None:
    assert client.get("/readyz?part=engine").status_code == 404


def test_a_database_that_is_away_is_told_without_a_word_of_its_address(client: Client, away: None) -> None:
    status, content = ask_ready(client, "?part=database&part=migrations&part=worker")
    assert status == 503
    assert len(content["parts"]) == 3
    for part in content["parts"].values():
        assert part == {"ok": False, "error": "OperationalError"}


def test_a_migration_that_is_not_applied_is_named(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health._Migrated, "is_known", False)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'operations' AND name = '0001_beats'")
    status, content = ask_ready(client, "?part=migrations")
    assert status == 503
    assert content["parts"]["migrations"] == {"ok": False, "missing": ["operations.0001_beats"]}


def test_a_disk_that_is_nearly_full_is_not_ready(
    client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MIN_FREE_DISK_MB = 100
    for free, status in ((99, 503), (100, 200)):
        monkeypatch.setattr(health.shutil, "disk_usage", lambda _path, f=free: Usage(0, 0, f * 2**20))
        assert ask_ready(client, "?part=disk")[0] == status


def test_a_worker_shows_that_it_lives_every_ten_seconds_and_is_forgotten_after_a_day() -> None:
    heart = Heart()
    for seconds in (0, 5, 9, 10, 15):
        heart.beat(NOW + timedelta(seconds=seconds))
    assert WorkerBeat.objects.get().at == NOW + timedelta(seconds=10)
    other = Heart()
    other._worker = "elsewhere:1"
    other.beat(NOW + timedelta(days=1, seconds=11))
    assert WorkerBeat.objects.get().worker == "elsewhere:1"


def test_a_clock_that_was_set_back_silences_no_worker() -> None:
    heart = Heart()
    heart.beat(NOW)
    heart.beat(NOW - timedelta(hours=1))
    assert WorkerBeat.objects.get().at == NOW - timedelta(hours=1)


# Numbers


def test_requests_are_counted_by_view_method_and_kind_of_answer(client: Client) -> None:
    before = numbers(client)
    client.get("/")
    client.get("/?status=nonsense")
    client.post("/", {})
    client.get("/nothing/at/all/")
    after = numbers(client)
    name = 'portal_request_seconds_count{{method="{}",status="{}",view="{}"}}'
    assert growth(before, after, name.format("GET", "2xx", "manifest")) == 1
    assert growth(before, after, name.format("GET", "4xx", "manifest")) == 1
    assert growth(before, after, name.format("POST", "4xx", "manifest")) == 1
    assert growth(before, after, name.format("GET", "4xx", "other")) == 1
    assert "nothing" not in "".join(after)


def test_no_stranger_makes_labels(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_codes", set(metrics._codes))
    client.generic("INVENTED", "/")
    shown = "".join(numbers(client))
    assert "INVENTED" not in shown
    for number in range(MOST_CODES + 50):
        note_refusal(f"code_{number}")
    codes = [name for name in numbers(client) if name.startswith("portal_refusals_total")]
    assert len(codes) <= MOST_CODES + 1
    assert 'portal_refusals_total{code="other"}' in codes


def test_series_beyond_the_bound_are_counted_together(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = numbers(client)
    monkeypatch.setattr(metrics, "MOST_SERIES", 0)
    client.put("/")
    client.patch("/")
    after = numbers(client)
    name = 'portal_request_seconds_count{{method="{}",status="4xx",view="{}"}}'
    assert growth(before, after, name.format("other", "other")) == 2
    assert name.format("PATCH", "manifest") not in after


def test_a_process_without_files_shows_those_of_the_others(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code = "from prometheus_client import Counter; Counter('others', 'Theirs.').inc(7)"
    env = {**os.environ, metrics_files.VARIABLE: str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=env, check=True, timeout=2 * PATIENCE_SECONDS)
    client.get("/")
    monkeypatch.setenv(metrics_files._OTHERS, str(tmp_path))
    shown = numbers(client)
    assert shown["others_total"] == 7
    assert shown["portal_database_up"] == 1
    # Its own would be there in one answer, and not in the next, which another process gives.
    assert not any(name.startswith("portal_request_seconds") for name in shown)


def test_whoever_waits_for_the_database_keeps_nobody_from_the_files(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen = []

    def slow(numbers: exposition.StoredNumbers) -> Iterator[Any]:
        with metrics_files.held_still(tmp_path, to_change=True):
            seen.append("free")
        yield from ()

    monkeypatch.setattr(exposition.StoredNumbers, "_stored", slow)
    monkeypatch.setenv(metrics_files._OTHERS, str(tmp_path))
    numbers(client)
    assert seen == ["free"]


def test_numbers_are_shown_where_the_folder_of_all_is_gone(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(metrics_files._OTHERS, str(tmp_path / "gone"))
    assert numbers(client)["portal_database_up"] == 1


def test_changes_are_counted_when_they_are_committed(
    client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    before = numbers(client)
    with django_capture_on_commit_callbacks(execute=True):
        booking = make_booking()
        cancel_booking(booking_id=booking.pk, by=CLERK, now=NOW)
    with django_capture_on_commit_callbacks(execute=False):
        make_booking()
    after = numbers(client)
    for kind in ("voucher.issue", "voucher.book", "voucher.cancel"):
        assert growth(before, after, f'portal_events_total{{type="{kind}"}}') == 1


def test_refusals_are_counted_by_their_code(client: Client) -> None:
    before = numbers(client)
    client.get("/api/voucher/list")
    name = 'portal_refusals_total{code="key_missing"}'
    assert growth(before, numbers(client), name) == 1


def test_requests_beyond_a_limit_are_counted(client: Client, settings: Any) -> None:
    settings.API_READS_PER_MINUTE = 1
    before = numbers(client)
    with time_machine.travel(NOW, tick=False):
        client.get("/api/voucher/list")
        client.get("/api/voucher/list")
    assert growth(before, numbers(client), 'portal_limits_hit_total{kind="read"}') == 1


def test_what_waits_to_be_sent_is_told_with_its_age(client: Client, worker: None) -> None:
    make_booking(email="ann@guest.example")
    with time_machine.travel(NOW + timedelta(seconds=90), tick=False):
        shown = numbers(client)
    assert shown['portal_waiting{kind="mail"}'] == 1
    assert shown['portal_waiting_oldest_seconds{kind="mail"}'] == 90
    assert shown["portal_worker_beat_seconds"] == 90
    assert shown["portal_database_up"] == 1
    Mail.objects.update(sent_at=NOW)
    with time_machine.travel(NOW + timedelta(seconds=90), tick=False):
        assert numbers(client)['portal_waiting{kind="mail"}'] == 0


def test_numbers_are_told_while_the_database_is_away(client: Client, away: None) -> None:
    shown = numbers(client)
    assert shown["portal_database_up"] == 0
    assert 'portal_waiting{kind="mail"}' not in shown


# Who may see them


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_what_came_through_a_proxy_finds_no_numbers(client: Client, header: str) -> None:
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", headers={header: "127.0.0.1"}).status_code == 404


def test_another_machine_finds_no_numbers_without_the_token(settings: Any) -> None:
    stranger = browser_of(REMOTE_ADDR="10.0.0.9")
    assert stranger.get("/metrics").status_code == 404
    settings.METRICS_TOKEN = "a-long-token"
    for told in ("", "Bearer ", "Bearer a-long-toke", "Bearer a-long-token ", "Bearer ä"):
        assert stranger.get("/metrics", headers={"authorization": told}).status_code == 404
    assert stranger.get("/metrics", headers={"authorization": "Bearer a-long-token"}).status_code == 200


def test_where_there_is_a_token_the_own_machine_needs_it_too(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = "a-long-token"
    assert client.get("/metrics").status_code == 404


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_take_nothing(client: Client, path: str) -> None:
    assert client.post(path).status_code == 404


def test_a_worker_whose_clock_was_ahead_does_not_count_until_that_time_has_come() -> None:
    Heart().beat(NOW + timedelta(hours=5))
    assert health.newest_beat(NOW) is None
    assert health.newest_beat(NOW + timedelta(hours=5)) == timedelta(0)
