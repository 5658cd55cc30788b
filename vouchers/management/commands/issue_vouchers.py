"""Issue vouchers from an offer, or from a file."""

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from portal.actors import system
from portal.errors import Rejected
from vouchers.domain import MAX_COUNT
from vouchers.files import MOST_BYTES, MOST_ROWS, voucher_rows
from vouchers.many import Order, issue_many
from vouchers.models import Offer, Voucher
from vouchers.rows import Problem, orders_of
from vouchers.terms import terms_of

BY = system("issue_vouchers")


class _DryRunError(Exception):
    """What a dry run breaks the issue off with."""


def _settle(*, dry_run: bool, **_options: object) -> Callable[[int], None]:
    def settle(_number: int) -> None:
        if dry_run:
            raise _DryRunError

    return settle


class Command(BaseCommand):
    """Issue vouchers; all or none."""

    help = (
        "Issue vouchers from an offer (--offer ID --count N) or from a file (--csv FILE, CSV or XLSX; the "
        "columns are the voucher's field names and count). Prints one line for each voucher. "
        "If any row is refused, every refusal is reported and nothing is stored."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take an offer and a number, or a file."""
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("--offer", help="id of the offer")
        source.add_argument("--csv", type=Path, help="CSV file in UTF-8 or XLSX file, with a heading")
        parser.add_argument("--count", type=int, help="how many vouchers of the offer; 1 without it")
        parser.add_argument("--holder", default="", help="uid of the guest who holds them")
        parser.add_argument("--dry-run", action="store_true", help="check everything, store nothing")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Issue in one transaction."""
        now = timezone.now()
        count = 1 if options["count"] is None else options["count"]
        path: Path | None = options["csv"]
        if path is not None and (options["count"] is not None or options["holder"]):
            raise CommandError("--count and --holder go with --offer; in a file they are columns.")
        if path is not None:
            orders = self._from_file(path, now)
        else:
            orders = _from_offer(options["offer"], count, options["holder"], now)
        ids: list[str] = []
        bar = tqdm(unit="voucher", disable=None, delay=1, leave=False, file=sys.stderr)

        def told(vouchers: Sequence[Voucher]) -> None:
            ids.extend(voucher.pk for voucher in vouchers)
            bar.update(len(vouchers))

        try:
            with bar, suppress(_DryRunError):
                issue_many(orders, by=BY, now=now, told=told, settle=_settle(**options), most=MOST_ROWS)
        except Rejected as error:
            raise CommandError(f"{error.message} [{error.code}]") from error
        if options["dry_run"]:
            self.stderr.write(f"{len(ids)} vouchers could be issued; nothing was stored.")
            return
        for voucher_id in ids:
            self.stdout.write(voucher_id)
        self.stderr.write(f"{len(ids)} vouchers issued.")

    def _from_file(self, path: Path, now: datetime) -> Iterator[Order]:
        """Yield the orders of a file; raises CommandError at its end when a row was refused."""
        is_empty, refused = True, 0
        try:
            if path.stat().st_size > MOST_BYTES:
                raise CommandError(f"{path} is larger than {MOST_BYTES // 1024 // 1024} MB.")
            with path.open("rb") as file:
                for _number, found in orders_of(voucher_rows(file), by=BY, now=now, most=MAX_COUNT):
                    is_empty = False
                    if isinstance(found, Order):
                        yield found
                        continue
                    refused += 1
                    self.stderr.write(_words(found))
        except Rejected as error:
            raise CommandError(f"{path}: {error.message} Nothing was stored. [{error.code}]") from error
        except OSError as error:
            raise CommandError(f"Cannot read {path}: {error.strerror}") from error
        if refused:
            raise CommandError(f"{refused} rows are refused; nothing was stored.")
        if is_empty:
            raise CommandError("The file has no rows; nothing was stored.")


def _from_offer(offer_id: str, count: int, holder: str, now: datetime) -> Iterator[Order]:
    offer = Offer.objects.select_related("hotel").filter(pk=offer_id).first()
    if offer is None:
        raise CommandError(f"There is no offer {offer_id!r}.")
    if not 1 <= count <= MOST_ROWS:
        raise CommandError(f"--count has to be between 1 and {MOST_ROWS}.")
    yield Order(
        hotel=offer.hotel, offer=offer, terms=terms_of(offer, now=now), count=count, holder_uid=holder
    )


def _words(problems: list[Problem]) -> str:
    told = (
        f"{f'{each.field}: ' if each.field else ''}{each.reason}{f' [{each.code}]' if each.code else ''}"
        for each in problems
    )
    return f"row {problems[0].number}: {'; '.join(told)}"
