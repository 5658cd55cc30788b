"""Refusals: the only way a domain verb says no."""

from django.utils.functional import Promise
from django.utils.translation import gettext


class Rejected(Exception):  # noqa: N818 - the word that the domain uses
    """A well-formed request that a rule refuses; nothing has been changed.

    `code` is stable and part of the published interface; `message` is a sentence
    for the person who asked, translated when it is read.
    """

    status = 422

    def __init__(self, code: str, message: str | Promise, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self._message = message
        self.values = values

    @property
    def message(self) -> str:
        """The sentence in the language that is active now, with its values filled in."""
        text = str(self._message) if isinstance(self._message, Promise) else gettext(self._message)
        return text % self.values if self.values else text


class Conflict(Rejected):
    """A request that was possible a moment ago and is not in the present state."""

    status = 409
