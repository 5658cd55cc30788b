"""Write bookings out as CSV."""

import sys
from argparse import ArgumentParser, ArgumentTypeError
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from bookings.models import Booking, BookingStatus
from bookings.tables import COLUMNS, value_of
from portal.tables import cell, csv_writer
from vouchers.models import Hotel
from vouchers.terms import LATEST


class Command(BaseCommand):
    """Write bookings as CSV to stdout or a file."""

    help = "Write bookings as CSV (UTF-8, times in UTC), to stdout or with --output to a file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take filters and the file."""
        parser.add_argument("--output", type=Path, help="file to write; stdout without it")
        parser.add_argument("--hotel", default="", help="uid of one hotel")
        parser.add_argument("--status", choices=BookingStatus.values)
        parser.add_argument("--from", dest="first", type=_day, help="first day of slots, e.g. 2026-12-01")
        parser.add_argument("--until", dest="last", type=_day, help="last day of slots, UTC")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Write row by row, so that memory stays flat however many there are."""
        rows = Booking.objects.order_by("pk")
        if options["hotel"]:
            if not Hotel.objects.filter(pk=options["hotel"]).exists():
                raise CommandError(f"There is no hotel {options['hotel']!r}.")
            rows = rows.filter(hotel=options["hotel"])
        if options["status"]:
            rows = rows.filter(status=options["status"])
        if options["first"]:
            rows = rows.filter(slot_start__gte=options["first"])
        if options["last"]:
            rows = rows.filter(slot_start__lt=options["last"] + timedelta(days=1))
        path: Path | None = options["output"]
        if path is None:
            _write(self.stdout, rows)
            return
        if path.name in ("", ".."):
            raise CommandError(f"Cannot write {path}: that is no file.")
        # Written beside and renamed: the file is whole or not there.
        part = path.with_name(f"{path.name}.part")
        try:
            with part.open("w", newline="", encoding="utf-8") as file:
                number = _write(file, rows)
            part.replace(path)
        except OSError as error:
            raise CommandError(f"Cannot write {path}: {error.strerror}") from error
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        self.stderr.write(f"{number} bookings written to {path}.")


def _day(text: str) -> datetime:
    try:
        day = datetime.combine(date.fromisoformat(text), time(), tzinfo=UTC)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no day; an example is 2026-12-01") from error
    # So that there is a day after it.
    return min(day, LATEST)


def _write(file: TextIO | Any, rows: Any) -> int:
    """Write a heading and the rows; returns how many."""
    writer = csv_writer(file)
    writer.writerow(COLUMNS)
    number = 0
    bar = tqdm(rows.iterator(chunk_size=2000), unit="booking", disable=None, delay=1, file=sys.stderr)
    for booking in bar:
        writer.writerow([_cell(booking, name) for name in COLUMNS])
        number += 1
    return number


def _cell(booking: Booking, name: str) -> str:
    """Return a value as text, as all tables of the portal write it."""
    return cell(value_of(booking, name))
