"""Languages that nobody speaks, made of every text there is: to see what is not ready for another."""

import re
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

from tests.portal.test_translations import catalogue, forms, marked

# Letters that look much the same and are not; where nobody looks, they would come out as they were.
_LETTERS = str.maketrans("aceinouyAEIOUNC", "àçéïñöüÿÀÉÏÖÜÑÇ")
_KEPT = re.compile(r"(%\(\w+\)[a-z]|%%|%[a-z]|<[^>]+>|\{[^}]*\})")
OPEN, CLOSE = "⟦", "⟧"


def pseudo(text: str) -> str:
    """Return a text with accents, 40 % longer, between marks; what stands for values is left as it is."""
    parts = _KEPT.split(text)
    accented = "".join(part if number % 2 else part.translate(_LETTERS) for number, part in enumerate(parts))
    words = len(re.sub(_KEPT, "", text))
    longer = " ".join(["łœñģ"] * (round(words * 0.4) // 5))
    return f"{OPEN}{accented}{' ' if longer else ''}{longer}{CLOSE}"


def write_language(folder: Path, code: str) -> None:
    """Write every text of the project, translated into nothing, as the catalogue of a language."""
    texts = set(marked()) | {tuple(forms(message.id)) for message in catalogue("de") if message.id}
    made = Catalog(locale=code)
    for text in sorted(texts):
        said = [pseudo(form) for form in text]
        if len(text) == 1:
            made.add(text[0], said[0])
        else:
            made.add(text, [said[0], *[said[-1]] * (made.num_plurals - 1)])
    target = folder / code / "LC_MESSAGES"
    target.mkdir(parents=True)
    with (target / "django.po").open("wb") as file:
        write_po(file, made)
