"""The languages that the portal speaks: English, and one for each folder of translations."""

from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.conf.locale import LANG_INFO


def found_in(folders: Iterable[Path]) -> list[tuple[str, str]]:
    """Return the languages that there are translations for, with their own names; English comes first."""
    codes = {path.parent.name for folder in folders for path in folder.glob("*/LC_MESSAGES")}
    names = {code: LANG_INFO.get(code, {}).get("name_local", code) for code in codes}
    return [("en", "English"), *((code, names[code].capitalize()) for code in sorted(names))]


def languages() -> list[tuple[str, str]]:
    """Return the languages to choose from: a column's choices, so that a new one needs no migration."""
    return list(settings.LANGUAGES)
