"""Restore a backup."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from operations.backups import restore_backup, verify
from portal.errors import Rejected


class Command(BaseCommand):
    """Put a backup into an empty database, and look whether all of it came."""

    help = "Put a backup into the empty database that DATABASE_URL names; stop web and worker before."
    # It works on databases that have no tables yet.
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file, and how."""
        parser.add_argument("file", type=Path, help="the backup; its manifest lies beside it")
        parser.add_argument(
            "--verify",
            action="store_true",
            help="compare the rows of each table with the manifest, and check keys, constraints, "
            "journal and guards",
        )
        parser.add_argument("--force", action="store_true", help="replace what is in the database")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Say what was found; anything that is not in order ends with a status of 1."""
        try:
            told = restore_backup(options["file"], is_forced=options["force"])
        except Rejected as error:
            raise CommandError(error.message) from error
        rows = sum(told["tables"].values())
        self.stdout.write(f"Restored {rows} rows of {told['made_at']}.")
        if options["verify"]:
            if found := verify(told):
                raise CommandError("Not in order:\n  " + "\n  ".join(found))
            self.stdout.write("Verified: rows, keys, constraints, journal and guards are in order.")
        self.stdout.write("Next: manage.py migrate, which changes nothing if the version is the same.")
