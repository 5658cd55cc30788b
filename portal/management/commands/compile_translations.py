"""Compile the translations, without the gettext tools."""

import os
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Write the .mo files that are older than their .po files."""

    help = "Compile locale/*/LC_MESSAGES/*.po where needed (Babel does it: no gettext tools)."
    requires_system_checks = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Compile what is out of date."""
        for folder in settings.LOCALE_PATHS:
            for source in sorted(Path(folder).glob("*/LC_MESSAGES/*.po")):
                target = source.with_suffix(".mo")
                if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
                    continue
                with source.open("rb") as file:
                    catalog = read_po(file, locale=source.parent.parent.name)
                # Whoever reads meanwhile, or compiles too, finds the old file or the new one, whole.
                part = target.with_suffix(f".{os.getpid()}.part")
                with part.open("wb") as half:
                    write_mo(half, catalog)
                part.replace(target)
