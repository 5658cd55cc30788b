"""Make a webhook."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from portal.actors import system
from portal.errors import Rejected
from vouchers.models import Hotel
from webhooks.domain import create_subscription


def hotel_named(uid: str) -> Hotel:
    """Return a hotel by its uid; raises CommandError when there is none."""
    hotel = Hotel.objects.filter(pk=uid).first()
    if hotel is None:
        raise CommandError(f"There is no hotel {uid!r}.")
    return hotel


def types_in(text: str) -> list[str]:
    """Return the types of event that an argument lists."""
    return [name.strip() for name in text.split(",") if name.strip()]


class Command(BaseCommand):
    """Make a webhook and print its secret."""

    help = (
        "Make a webhook for a hotel's events from now on. Prints the secret alone on stdout, and "
        "everything else on stderr."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take whose events go where."""
        parser.add_argument("--hotel", required=True, metavar="UID", help="uid of the hotel")
        parser.add_argument("--url", required=True, help="where the receiver is; https")
        parser.add_argument("--types", default="", help="types of event, separated by commas; without, all")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Make it."""
        try:
            webhook = create_subscription(
                hotel=hotel_named(options["hotel"]),
                url=options["url"],
                event_types=types_in(options["types"]),
                by=system("create_webhook"),
                now=timezone.now(),
            )
        except Rejected as error:
            raise CommandError(f"{error.code}: {error.message}") from None
        self.stderr.write(f"Webhook {webhook.pk} of {webhook.hotel_id}; its secret:")
        self.stdout.write(webhook.secret)
