"""Which guest a browser is: a signed cookie, given at the first booking."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

COOKIE = "guest"
_SALT = "presence.guest-cookie"
_YEAR = 365 * 24 * 3600


def guest_uid_of(request: HttpRequest) -> str:
    """Return the uid of the guest that this browser is; empty for none or a forged cookie."""
    uid = request.get_signed_cookie(COOKIE, default="", salt=_SALT, max_age=_YEAR)
    return uid or ""


def remember_guest(response: HttpResponse, uid: str) -> None:
    """Make this browser the guest's own for a year."""
    response.set_signed_cookie(
        COOKIE,
        uid,
        salt=_SALT,
        max_age=_YEAR,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def forget_guest_of(response: HttpResponse) -> None:
    """Make this browser nobody's."""
    response.delete_cookie(COOKIE, samesite="Lax")
