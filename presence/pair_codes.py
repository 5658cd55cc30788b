"""Pair codes: what the members of a party find each other by."""

import secrets

from django.utils.translation import gettext_lazy as _

from portal.errors import Rejected
from presence.models import PAIR_CODE_LENGTH

# Neither 0 and O nor 1 and I: a code is read out over a table.
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
# 32**12 is 2**60: whoever tries a million codes a second needs thousands of years for one.
_SIGNS = 12
_GROUP = 4


def new_pair_code() -> str:
    """Return a code of 60 random bits, such as "K7MQ-4T9X-2BWR"."""
    return _grouped("".join(secrets.choice(_ALPHABET) for _sign in range(_SIGNS)))


def read_pair_code(text: str) -> str:
    """Return a code as a person may have typed it, as it was made; any other text as it is."""
    signs = "".join(sign for sign in text.upper() if sign not in " -–—.")
    return _grouped(signs) if _is_ours(signs) else text.strip()


def is_made_here(code: str) -> bool:
    """Tell whether a code has the form of those that `new_pair_code` makes."""
    signs = code.replace("-", "")
    return _is_ours(signs) and code == _grouped(signs)


def _is_ours(signs: str) -> bool:
    return len(signs) == _SIGNS and set(signs) <= set(_ALPHABET)


def refuse_pair_code(code: str) -> None:
    """Raise Rejected("pair_code_invalid") for what can be nobody's code: empty, long, or unprintable."""
    if not 1 <= len(code) <= PAIR_CODE_LENGTH or not code.isprintable():
        raise Rejected(
            "pair_code_invalid",
            _("A pair code has 1 to %(most)s characters."),
            most=PAIR_CODE_LENGTH,
        )


def _grouped(signs: str) -> str:
    return "-".join(signs[start : start + _GROUP] for start in range(0, len(signs), _GROUP))
