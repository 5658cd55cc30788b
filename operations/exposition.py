"""The numbers as Prometheus reads them: those that processes counted, and those that the database knows."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import Error
from django.db.models import Count, Min
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from bookings.models import Mail
from events.models import Event
from operations.health import disk, newest_beat
from portal.metrics_files import folder, held_still
from webhooks.models import Delivery

CONTENT_TYPE = CONTENT_TYPE_LATEST


class StoredNumbers(Collector):
    """What is asked of the database when the numbers are: what waits to be sent, and the worker's life."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges; while the database is away, that it is, and no others of it."""
        try:
            stored = list(self._stored())
        except Error:
            stored = []
        yield GaugeMetricFamily("portal_database_up", "Whether the database answers.", value=bool(stored))
        yield from stored
        yield GaugeMetricFamily(
            "portal_disk_free_bytes", "Room where it writes.", value=disk(self._now)["free_mb"] * 2**20
        )

    def _stored(self) -> Iterator[Metric]:
        waiting = {
            "mail": Mail.objects.owed().aggregate(number=Count("pk"), since=Min("created_at")),
            "webhook": Delivery.objects.open()
            .filter(subscription__is_active=True)
            .aggregate(number=Count("pk"), since=Min("created_at")),
            "journal": Event.objects.filter(position=None).aggregate(
                number=Count("pk"), since=Min("created_at")
            ),
        }
        number = GaugeMetricFamily("portal_waiting", "What is still to be sent, by kind.", labels=["kind"])
        age = GaugeMetricFamily(
            "portal_waiting_oldest_seconds", "How long the oldest of it has waited.", labels=["kind"]
        )
        for kind, found in waiting.items():
            number.add_metric([kind], found["number"])
            waited = max(self._now - found["since"], timedelta(0)) if found["since"] else timedelta(0)
            age.add_metric([kind], waited.total_seconds())
        yield from (number, age)
        beat = newest_beat(self._now)
        if beat is not None:
            yield GaugeMetricFamily(
                "portal_worker_beat_seconds",
                "Since a worker's last sign of life.",
                value=beat.total_seconds(),
            )


def exposition(now: datetime) -> bytes:
    """Return all numbers of this machine's web processes, and of the database, as text.

    Those that a process without room for files keeps for itself are left out, also of its own answers: an
    answer with them and the next without would look as if they had begun anew.
    """
    place = folder()
    if place is not None and not place.is_dir():
        place = None
    # The database is asked first: it may keep a reader waiting, who would keep others from the files.
    stored = CollectorRegistry()
    stored.register(StoredNumbers(now))
    text = generate_latest(stored)
    if place is None:
        return generate_latest(REGISTRY) + text
    counted = CollectorRegistry()
    MultiProcessCollector(counted, str(place))  # type: ignore[no-untyped-call]
    with held_still(place):
        return generate_latest(counted) + text
