"""Forget who has long been away."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from presence.rooms import prune_presence


class Command(BaseCommand):
    """Close empty rooms and drop what is old; the worker does so every minute."""

    help = (
        "Close the rooms that nobody has been in for ten minutes, delete those closed a week ago, "
        "and forget who went away ten minutes ago or fell silent a day ago. The worker does so every minute."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Prune, and say how much."""
        done = prune_presence(timezone.now())
        self.stdout.write(
            f"{done.presences} presences forgotten, {done.rooms_closed} rooms closed, "
            f"{done.rooms_deleted} rooms deleted."
        )
