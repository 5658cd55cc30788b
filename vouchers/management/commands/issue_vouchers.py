"""Issue vouchers from an offer, or from a CSV file."""

import csv
import io
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone
from tqdm import tqdm

from portal.actors import system
from portal.errors import Rejected
from vouchers.domain import MAX_COUNT, issue_vouchers
from vouchers.forms import VoucherRowForm
from vouchers.models import Offer
from vouchers.terms import terms_of

BY = system("issue_vouchers")
MOST_ROWS = 100_000
MOST_BYTES = 64 * 1024 * 1024


class Command(BaseCommand):
    """Issue vouchers; all or none."""

    help = (
        "Issue vouchers from an offer (--offer ID --count N) or from a CSV file (--csv FILE; the "
        "columns are the voucher's field names and count). Prints one line for each voucher. "
        "If any row is refused, every refusal is reported and nothing is stored."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take an offer and a number, or a file."""
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("--offer", help="id of the offer")
        source.add_argument("--csv", type=Path, help="CSV file in UTF-8, with a heading")
        parser.add_argument("--count", type=int, help="how many vouchers of the offer; 1 without it")
        parser.add_argument("--holder", default="", help="uid of the guest who holds them")
        parser.add_argument("--dry-run", action="store_true", help="check everything, store nothing")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Issue in one transaction."""
        now = timezone.now()
        count = 1 if options["count"] is None else options["count"]
        if options["csv"] is not None and (options["count"] is not None or options["holder"]):
            raise CommandError("--count and --holder go with --offer; in a file they are columns.")
        with transaction.atomic():
            if options["csv"] is not None:
                ids = self._from_csv(options["csv"], now)
            else:
                ids = self._from_offer(options["offer"], count, options["holder"], now)
            if options["dry_run"]:
                transaction.set_rollback(True)
        if options["dry_run"]:
            self.stderr.write(f"{len(ids)} vouchers could be issued; nothing was stored.")
            return
        for voucher_id in ids:
            self.stdout.write(voucher_id)
        self.stderr.write(f"{len(ids)} vouchers issued.")

    def _from_offer(self, offer_id: str, count: int, holder: str, now: datetime) -> list[str]:
        offer = Offer.objects.select_related("hotel").filter(pk=offer_id).first()
        if offer is None:
            raise CommandError(f"There is no offer {offer_id!r}.")
        if not 1 <= count <= MOST_ROWS:
            raise CommandError(f"--count has to be between 1 and {MOST_ROWS}.")
        ids: list[str] = []
        terms = terms_of(offer, now=now)
        with tqdm(total=count, unit="voucher", disable=None, delay=1, leave=False) as bar:
            while len(ids) < count:
                number = min(MAX_COUNT, count - len(ids))
                try:
                    issued = issue_vouchers(
                        hotel=offer.hotel,
                        offer=offer,
                        terms=terms,
                        count=number,
                        holder_uid=holder,
                        by=BY,
                        now=now,
                    )
                except Rejected as error:
                    raise CommandError(f"{error.message} [{error.code}]") from error
                ids += [voucher.pk for voucher in issued]
                bar.update(number)
        return ids

    def _from_csv(self, path: Path, now: datetime) -> list[str]:
        ids: list[str] = []
        refused = 0
        seen: dict[tuple[str, ...], int] = {}
        rows = tqdm(_rows(path), unit="row", disable=None, delay=1, leave=False, file=sys.stderr)
        for number, row in rows:
            problem = ""
            twin = seen.setdefault(tuple(row.get(name, "") for name in VoucherRowForm.COLUMNS), number)
            if twin != number:
                problem = f"the same as row {twin}; use the column count for several [row_repeated]"
            else:
                form = VoucherRowForm(row)
                problem = "" if form.is_valid() else _problems(form)
                if not problem:
                    try:
                        ids += self._issue_row(form, now)
                    except Rejected as error:
                        problem = f"{error.message} [{error.code}]"
            if problem:
                refused += 1
                self.stderr.write(f"row {number}: {problem}")
        if refused:
            raise CommandError(f"{refused} rows are refused; nothing was stored.")
        if not ids:
            raise CommandError("The file has no rows; nothing was stored.")
        return ids

    def _issue_row(self, form: VoucherRowForm, now: datetime) -> list[str]:
        data = form.cleaned_data
        issued = issue_vouchers(
            hotel=data["issuer_uid"],
            offer=data["offer"],
            terms=form.issue_terms(now),
            count=data["count"] or 1,
            holder_uid=data["holder_uid"],
            by=BY,
            now=now,
        )
        return [voucher.pk for voucher in issued]


def _problems(form: VoucherRowForm) -> str:
    return "; ".join(
        f"{name}: {' '.join(str(message) for message in messages)}" for name, messages in form.errors.items()
    )


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the file's rows with their line numbers.

    Raises CommandError for a file that is no such CSV, before any row is looked at.
    """
    reader = csv.DictReader(io.StringIO(_text_of(path), newline=""), strict=True)
    try:
        heading = [name.strip() for name in reader.fieldnames or []]
    except csv.Error as error:
        raise CommandError(f"{path} is no CSV file: {error}.") from error
    _check_heading(path, heading)
    reader.fieldnames = heading
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise CommandError(f"line {reader.reader.line_num}: {error}; nothing was stored.") from error
        if row is None:
            return
        if reader.line_num > MOST_ROWS:
            raise CommandError(f"{path} has more than {MOST_ROWS} lines; nothing was stored.")
        if None in row or None in row.values():
            raise CommandError(
                f"line {reader.line_num}: not as many cells as the heading has; nothing was stored."
            )
        yield reader.line_num, row


def _text_of(path: Path) -> str:
    """Return a text file's content; raises CommandError for what is none."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CommandError(f"{path} is larger than {MOST_BYTES // 1024 // 1024} MB.")
        # utf-8-sig takes the mark that spreadsheets put at the beginning away.
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise CommandError(f"Cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is not UTF-8 text (byte {error.start}).") from error
    if "\x00" in text:
        raise CommandError(f"{path} holds NUL bytes: it is no CSV file.")
    return text


def _check_heading(path: Path, heading: list[str]) -> None:
    unknown = [name for name in heading if name not in VoucherRowForm.COLUMNS]
    if len(heading) == 1 and (";" in heading[0] or "\t" in heading[0]):
        raise CommandError(f"{path}: separate the cells with commas.")
    if unknown:
        raise CommandError(f"{path}: unknown columns {', '.join(map(repr, unknown))}.")
    if "issuer_uid" not in heading:
        raise CommandError(f"{path}: the column issuer_uid is missing.")
    if len(set(heading)) != len(heading):
        raise CommandError(f"{path}: a column stands twice in the heading.")
