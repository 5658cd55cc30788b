"""Store what the clock has decided: expired vouchers."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from tqdm import tqdm

from portal.actors import CLOCK
from vouchers.domain import all_due
from vouchers.models import Voucher


class Command(BaseCommand):
    """Mark every voucher that is past its time as expired."""

    help = "Store as expired every voucher that is past its time. Pages show it as expired without this too."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Sweep in transactions of a few hundred, so that nothing waits long."""
        now = timezone.now()
        total = 0
        due = Voucher.objects.due(now).count()
        with tqdm(total=due, unit="voucher", disable=None, delay=1, leave=False) as bar:
            for number in all_due(by=CLOCK, now=now):
                total += number
                bar.update(number)
        self.stdout.write(f"{total} vouchers expired.")
