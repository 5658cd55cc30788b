"""Bring the earlier JavaScript system's database over."""

import csv
from argparse import ArgumentParser
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone
from tqdm import tqdm

from legacy.d1_import import Import, Refused
from legacy.d1_source import TABLES, SourceError, number_of, opened
from portal.actors import system


class Command(BaseCommand):
    """Import vouchers, bookings and events; what is refused is reported, nothing is repaired."""

    help = (
        "Import the earlier system's database: an SQLite file or an SQL dump with the tables "
        f"{', '.join(TABLES)}. Ids, times and statuses are kept; rows that are there already are left "
        "alone, rows that break a rule are refused and written to FILE.refused.csv. Ends with 0 when the "
        "whole file was looked at, whatever was refused."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file."""
        parser.add_argument("file", type=Path, help="SQLite file, or dump in UTF-8")
        parser.add_argument("--dry-run", action="store_true", help="check everything, store nothing")
        parser.add_argument("--report", type=Path, help="where refused rows are written to (CSV)")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Import, and say what became of every row."""
        path: Path = options["file"]
        report = _Report(options["report"] or path.with_name(f"{path.name}.refused.csv"))
        try:
            with opened(path) as source, report, self._bars(source) as bars:
                run = Import(source, system("import_d1"), timezone.now(), report.refuse, bars.advance)
                if options["dry_run"]:
                    with transaction.atomic():
                        run.run()
                        transaction.set_rollback(True)
                else:
                    run.run()
        except SourceError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"Cannot write {report.path}: {error.strerror}.") from error
        for table, tally in run.tallies.items():
            self.stderr.write(
                f"{table}: {tally.imported} imported, {tally.there} there already, {tally.refused} refused"
            )
        if options["dry_run"]:
            self.stderr.write("Nothing was stored.")
        if report.number:
            self.stderr.write(f"{report.number} refused rows, with their reasons: {report.path}")

    @staticmethod
    def _bars(source: Any) -> "_Bars":
        return _Bars({table: number_of(source, table) for table in TABLES})


class _Bars:
    """One progress bar over all tables, where somebody looks."""

    def __init__(self, numbers: dict[str, int]) -> None:
        self._bar = tqdm(total=sum(numbers.values()), unit="row", disable=None, delay=1, leave=False)

    def __enter__(self) -> "_Bars":
        return self

    def __exit__(self, *_error: object) -> None:
        self._bar.close()

    def advance(self, table: str, number: int) -> None:
        """Move on."""
        self._bar.set_description(table)
        self._bar.update(number)


class _Report:
    """The file of refused rows; there is none when nothing is refused."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = 0
        self._file: IO[str] | None = None
        self._writer: Any = None

    def __enter__(self) -> "_Report":
        return self

    def __exit__(self, *_error: object) -> None:
        if self._file is not None:
            self._file.close()

    def refuse(self, refused: Refused) -> None:
        """Write one row."""
        if self._file is None:
            self._file = self.path.open("w", encoding="utf-8", newline="", errors="replace")
            self._writer = csv.writer(self._file)
            self._writer.writerow(("table", "id", "code", "reason"))
        cells = (refused.table, refused.row_id, refused.code, refused.reason)
        self._writer.writerow([_harmless(cell) for cell in cells])
        self.number += 1


def _harmless(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
