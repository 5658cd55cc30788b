"""The signs of life of workers; the only writer of the app's table."""

import os
import socket
from datetime import datetime, timedelta

from operations.models import WorkerBeat

BEAT_EVERY = timedelta(seconds=10)
# A worker that has been silent for so long is gone; its line goes with it.
FORGET_AFTER = timedelta(days=1)


class Heart:
    """The sign of life of this process, written down every ten seconds at most."""

    def __init__(self) -> None:
        self._worker = f"{socket.gethostname()[:80]}:{os.getpid()}"
        self._last: datetime | None = None

    def beat(self, now: datetime) -> None:
        """Show that this worker is at work."""
        if self._last is not None and timedelta(0) <= now - self._last < BEAT_EVERY:
            return
        WorkerBeat.objects.update_or_create(worker=self._worker, defaults={"at": now})
        WorkerBeat.objects.filter(at__lt=now - FORGET_AFTER).delete()
        self._last = now
