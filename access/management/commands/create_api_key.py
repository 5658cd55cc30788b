"""Make an API key."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from access.domain import create_key
from portal.actors import system
from portal.callers import Scope
from portal.errors import Rejected
from vouchers.models import Hotel

MOST_DAYS = 3660


class Command(BaseCommand):
    """Make a key and print it, once."""

    help = (
        "Make an API key for a hotel (--hotel UID) or for all of them (--platform). "
        "Prints the key alone on stdout, and everything else on stderr. It is not shown again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take whose it is and what it may."""
        whose = parser.add_mutually_exclusive_group(required=True)
        whose.add_argument("--hotel", metavar="UID", help="uid of the hotel")
        whose.add_argument("--platform", action="store_true", help="a key that acts for any hotel")
        parser.add_argument(
            "--scopes",
            nargs="+",
            required=True,
            metavar="SCOPE",
            help=f"what it may, separated by spaces or commas: {', '.join(Scope)}; or all",
        )
        parser.add_argument("--name", default="made by a command", help="what uses it")
        parser.add_argument("--days", type=int, help="how long it is good; without, until it is revoked")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Make it."""
        now = timezone.now()
        hotel = None
        if options["hotel"] is not None:
            hotel = Hotel.objects.filter(pk=options["hotel"]).first()
            if hotel is None:
                raise CommandError(f"There is no hotel {options['hotel']!r}.")
        days = options["days"]
        if days is not None and not 1 <= days <= MOST_DAYS:
            raise CommandError(f"--days has to be between 1 and {MOST_DAYS}.")
        named = {name for text in options["scopes"] for name in text.split(",") if name}
        scopes = set(Scope) if named == {"all"} else named
        try:
            key, secret = create_key(
                name=options["name"],
                hotel=hotel,
                scopes=scopes,
                by=system("create_api_key"),
                now=now,
                expires_at=now + timedelta(days=days) if days else None,
            )
        except Rejected as error:
            raise CommandError(f"{error.message} [{error.code}]") from error
        whose = hotel.name if hotel else "all hotels"
        until = f"until {key.expires_at:%Y-%m-%d}" if key.expires_at else "until it is revoked"
        self.stderr.write(f"Key {key.pk} for {whose}, {until}; it may: {key.scope_words}.")
        self.stdout.write(secret)
