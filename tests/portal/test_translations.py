"""The German and Dutch catalogues: whole, true to their sources, and in step with them."""

import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from django.conf import settings as project
from django.core.management import call_command
from django.test import Client
from django.utils.translation.template import templatize
from pytest_django import Settings

ROOT = Path(__file__).resolve().parents[2]
APPS = (
    "access", "bookings", "desk", "events", "feeds", "guests", "legacy", "parties", "portal", "presence",
    "printing", "reports", "staff", "vouchers", "webhooks",
)  # fmt: skip
LANGUAGES = [code for code, _name in project.LANGUAGES if code != "en"]
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%%")
KEYWORDS: dict[str, tuple[int, ...] | None] = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop"), None),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
}


def catalogue(language: str) -> Catalog:
    with (ROOT / "locale" / language / "LC_MESSAGES" / "django.po").open("rb") as file:
        return read_po(file, locale=language)


def forms(text: str | tuple[str, ...] | list[str]) -> list[str]:
    """The singular and the plural, or the one text there is."""
    return [text] if isinstance(text, str) else list(text)


def messages(language: str) -> list[Message]:
    return [message for message in catalogue(language) if message.id]


def marked() -> Iterator[tuple[str, ...]]:
    """Every text that Python code and templates mark for translation."""
    for app in APPS:
        for path in (ROOT / app).rglob("*.py"):
            with path.open("rb") as file:
                yield from texts("python", file)
    for path in (ROOT / "templates").rglob("*"):
        if path.suffix in (".html", ".txt"):
            # What is left of a template are calls amid noise, which the reader of JavaScript bears.
            calls = re.sub(r"\bu(?=['\"])", "", templatize(path.read_text()))
            yield from texts("javascript", io.BytesIO(calls.encode()))


def texts(method: str, file: io.BufferedIOBase) -> Iterator[tuple[str, ...]]:
    for _line, text, _comments, _context in extract(method, file, KEYWORDS):
        yield tuple(forms(text))


def test_there_is_a_catalogue_for_every_language() -> None:
    assert sorted(LANGUAGES) == ["de", "nl"]
    assert sorted(path.name for path in (ROOT / "locale").iterdir()) == sorted(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_header_names_its_language_and_plurals(language: str) -> None:
    found = catalogue(language)
    assert not found.fuzzy
    assert (found.charset, found.num_plurals, found.plural_expr) == ("utf-8", 2, "(n != 1)")
    assert dict(found.mime_headers)["Language"] == language


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(language: str) -> None:
    for message in messages(language):
        assert not message.fuzzy, message.id
        assert len(forms(message.string)) == len(forms(message.id)), message.id
        assert all(text.strip() for text in forms(message.string)), message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_and_line_ends_are_kept(language: str) -> None:
    for message in messages(language):
        for source, text in zip(forms(message.id), forms(message.string), strict=True):
            assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(source)), source
            assert text.startswith("\n") == source.startswith("\n"), source
            assert text.endswith("\n") == source.endswith("\n"), source


def test_everything_that_is_marked_is_in_every_catalogue() -> None:
    wanted = set(marked())
    assert ("Choose a voucher, then a time",) in wanted
    assert ("%(number)s place", "%(number)s places") in wanted
    assert ("The voucher has been handed on already, or the hotel has taken it back.",) in wanted
    for language in LANGUAGES:
        known = {tuple(forms(message.id)) for message in messages(language)}
        assert not wanted - known, f"run `make messages` and translate ({language})"


@pytest.mark.parametrize(("language", "words"), [("de", "Zu den Gutscheinen"), ("nl", "Naar de vouchers")])
@pytest.mark.django_db
def test_a_page_speaks_the_language_of_its_reader(
    client: Client, settings: Settings, tmp_path: Path, language: str, words: str
) -> None:
    shutil.copytree(ROOT / "locale", tmp_path / "locale", ignore=shutil.ignore_patterns("*.mo"))
    settings.LOCALE_PATHS = [tmp_path / "locale"]
    call_command("compile_translations")
    answer = client.get("/nowhere/", headers={"accept-language": language})
    assert answer.status_code == 404
    assert answer.headers["Content-Language"] == language
    assert words in answer.content.decode()
