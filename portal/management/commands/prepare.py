"""Make an installation ready to serve."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    """Bring database, static files and translations up to date, in one process."""

    help = "Migrate, collect static files, compile translations and, with --demo, add the demo data."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether the demo is wanted."""
        parser.add_argument("--demo", action="store_true", help="add the demo data if it is not there")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do what is needed; a second run changes nothing."""
        call_command("compile_translations")
        call_command("migrate", verbosity=0, interactive=False)
        call_command("collectstatic", verbosity=0, interactive=False)
        if options["demo"]:
            call_command("demo", stdout=self.stdout)
