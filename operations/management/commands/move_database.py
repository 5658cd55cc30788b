"""Move from SQLite to PostgreSQL."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from operations.moving import Copied, move_database, reopen
from portal.errors import Rejected


class Command(BaseCommand):
    """Copy, compare, close the old database."""

    help = (
        "Move everything from the SQLite database of DATABASE_URL to an empty PostgreSQL database, while "
        "the portal goes on reading; then the old one refuses writes until web and worker are started "
        "with the new DATABASE_URL."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where to, or that the old database shall be used again."""
        wish = parser.add_mutually_exclusive_group(required=True)
        wish.add_argument("--to", metavar="DATABASE_URL", help="postgres://user:password@host/database")
        wish.add_argument("--reopen", action="store_true", help="let the old database be written again")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Tell each table with its rows and digest."""
        try:
            if options["reopen"]:
                self.stdout.write(f"{reopen()} tables of the old database can be written again.")
                return
            copied = move_database(options["to"], tell=self._tell)
        except Rejected as error:
            raise CommandError(f"{error.message} Nothing has been moved.") from error
        rows = sum(table.rows for table in copied)
        self.stdout.write(f"{rows} rows in {len(copied)} tables are the same on both sides.")
        self.stdout.write("The old database is closed. Start web and worker with the new DATABASE_URL.")

    def _tell(self, table: Copied) -> None:
        self.stdout.write(f"{table.table:40} {table.rows:9} {table.digest}")
