"""How the parts are that a portal needs; asked every few seconds, so that each costs a statement at most."""

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader

from operations.models import WorkerBeat

logger = logging.getLogger(__name__)
Part = dict[str, Any]
# Six signs of life missed: longer than any housekeeping takes.
SILENT_AFTER = timedelta(seconds=60)


def look(parts: Iterable[str], now: datetime) -> dict[str, Part]:
    """Return for each part whether it is well (`ok`), and what there is to say of it."""
    return {name: PARTS[name](now) for name in parts}


def database(_now: datetime) -> Part:
    """Ask the database for one row."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error as error:
        return {"ok": False, "error": type(error).__name__}
    return {"ok": True}


class _Migrated:
    """Whether all migrations of this code were found applied: they stay so."""

    is_known = False


def migrations(_now: datetime) -> Part:
    """Look whether the database is at least as new as the code; once that is so, it is not asked again."""
    if _Migrated.is_known:
        return {"ok": True}
    try:
        loader = MigrationLoader(connection)
    except Error as error:
        return {"ok": False, "error": type(error).__name__}
    missing = sorted(f"{app}.{name}" for app, name in set(loader.disk_migrations) - _applied(loader))
    _Migrated.is_known = not missing
    return {"ok": not missing, **({"missing": missing} if missing else {})}


def _applied(loader: MigrationLoader) -> set[tuple[str, str]]:
    replaced = {key for key, found in loader.disk_migrations.items() if found.replaces}
    return set(loader.applied_migrations or ()) | replaced


def newest_beat(now: datetime) -> timedelta | None:
    """Return how long ago any worker last showed a sign of life; None if none ever did.

    One that lies ahead is of a clock that was wrong: it would count until the right one has come there.
    """
    beats = WorkerBeat.objects.filter(at__lte=now + SILENT_AFTER)
    newest = beats.order_by("-at").values_list("at", flat=True).first()
    return None if newest is None else max(now - newest, timedelta(0))


def worker(now: datetime) -> Part:
    """Look for a sign of life of any worker."""
    try:
        age = newest_beat(now)
    except Error as error:
        return {"ok": False, "error": type(error).__name__}
    if age is None:
        return {"ok": False, "error": "no worker has ever run"}
    return {"ok": age < SILENT_AFTER, "seconds": round(age.total_seconds(), 1)}


def disk(_now: datetime) -> Part:
    """Look how much room is left where the portal writes."""
    free = shutil.disk_usage(written_to()).free // 2**20
    return {"ok": free >= settings.MIN_FREE_DISK_MB, "free_mb": free}


def written_to() -> Path:
    """Return the folder of the SQLite file, or, where the database is elsewhere, of temporary files."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite" and os.path.isabs(name):  # noqa: PTH117 - names of memory are no paths
        return Path(name).parent
    return Path(tempfile.gettempdir())


PARTS: Mapping[str, Callable[[datetime], Part]] = {
    "database": database,
    "migrations": migrations,
    "worker": worker,
    "disk": disk,
}
