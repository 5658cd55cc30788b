"""Which languages there are, and how a reader comes to one."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from portal.languages import found_in
from tests.web import browser_of, text_of

pytestmark = pytest.mark.django_db


def test_a_folder_of_translations_is_all_that_a_language_needs(tmp_path: Path) -> None:
    for code in ("nl", "fr", "xx"):
        (tmp_path / code / "LC_MESSAGES").mkdir(parents=True)
    (tmp_path / "notes").mkdir()
    assert found_in([tmp_path]) == [("en", "English"), ("fr", "Français"), ("nl", "Nederlands"), ("xx", "Xx")]


def test_an_address_chooses_the_language_and_it_is_kept() -> None:
    client = browser_of()
    answer = client.get("/my/?x=1&lang=de&y=%20")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/my/?x=1&y=+")
    assert 'lang="de"' in text_of(client.get("/my/", headers={"Accept-Language": "nl"}))
    cookie = answer.cookies["django_language"]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("de", True, "Lax")


@pytest.mark.parametrize("code", ["xx", "", "en-gb; x", "../de", "DE\x00"])
def test_an_unknown_language_chooses_nothing(code: str) -> None:
    answer = browser_of().get("/my/", {"lang": code})
    assert answer.status_code == 200
    assert "django_language" not in answer.cookies


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example/"])
def test_choosing_a_language_leads_to_no_other_site(path: str) -> None:
    answer: Any = Client().get(f"{path}?lang=de")
    location = answer.headers.get("Location", "/")
    assert not location.startswith(("//", "/\\"))


def test_a_form_is_not_sent_away_for_its_language() -> None:
    assert browser_of().post("/guest/?lang=de", {"email": "a@b.example"}).status_code == 200
