"""Refusals: the only way a domain verb says no."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext, override


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
    def source(self) -> str:
        """The sentence as it stands in the code, for keeping it: the reader's language comes later.

        A refusal made of it, with the same code and values, says the same.
        """
        with override(None):
            return str(self._message)

    @property
    def message(self) -> str:
        """The sentence in the language that is active now, with its values filled in."""
        text = str(self._message) if isinstance(self._message, Promise) else gettext(self._message)
        return text % self.values if self.values else text


class Conflict(Rejected):
    """A request that was possible a moment ago and is not in the present state."""

    status = 409


class NotFound(Rejected):
    """Something that is not there, or is not the caller's to see: the two look the same."""

    status = 404


class NotAllowed(Rejected):
    """A request that its caller may not make, whatever the state of things."""

    status = 403


class Unauthorized(Rejected):
    """A request without a key, or with one that is not, or no longer, good."""

    status = 401


class Malformed(Rejected):
    """A request that is not what the interface describes; `fields` says where, by name."""

    status = 400

    def __init__(
        self, code: str, message: str | Promise, fields: Mapping[str, str] | None = None, **values: object
    ) -> None:
        super().__init__(code, message, **values)
        self.fields = dict(fields or {})


class TooLarge(Rejected):
    """A body that is larger than anything the interface takes."""

    status = 413


class NotJson(Rejected):
    """A body of another kind than JSON."""

    status = 415


class TooMany(Rejected):
    """One request more than its caller may make in this window of time."""

    status = 429


class Unavailable(Rejected):
    """A part that the answer needs is away; worth asking again soon."""

    status = 503


class MethodRefused(Rejected):
    """A method that an address does not take."""

    status = 405
