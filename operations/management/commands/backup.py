"""Back the running database up."""

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from operations.backups import make_backup, read_manifest
from portal.errors import Rejected


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(1)


class Command(BaseCommand):
    """Write a backup and its manifest."""

    help = "Write a backup of the database and its manifest into a folder, while the portal goes on."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where to."""
        parser.add_argument("--output", type=Path, default=Path("var/backups"), help="folder (var/backups)")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Tell the file's name, alone on the last line, for scripts."""
        # Of what is ended nothing is left either.
        before = signal.signal(signal.SIGTERM, _end)
        try:
            file = make_backup(options["output"], now=timezone.now())
            rows = sum(read_manifest(file)["tables"].values())
        except Rejected as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"{error.strerror}: {error.filename}") from error
        finally:
            signal.signal(signal.SIGTERM, before)
        self.stderr.write(f"{rows} rows, {file.stat().st_size} bytes:")
        self.stdout.write(str(file))
