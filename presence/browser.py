"""Which guest a browser is: a signed cookie, given at the first booking or by `verify`."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from portal.errors import NotAllowed, Unauthorized

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


def refuse_foreign(request: HttpRequest) -> None:
    """Refuse what a page of another site lets a guest's browser send.

    Browsers say where a request comes from, in Fetch Metadata and Origin, and no page can make
    them say otherwise; who is no browser says nothing, and has no guest's cookie that was not
    given to it.

    Raises NotAllowed("origin_foreign").
    """
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    own = {f"{request.scheme}://{request.get_host()}", *settings.CSRF_TRUSTED_ORIGINS}
    if site not in (None, "same-origin") or (origin is not None and origin not in own):
        raise NotAllowed("origin_foreign", _("This can only be asked by the portal’s own pages."))


def session_uid(request: HttpRequest) -> str:
    """Return the guest that this browser is.

    Raises Unauthorized("session_missing") for a browser that is nobody's.
    """
    uid = guest_uid_of(request)
    if not uid:
        raise Unauthorized("session_missing", _("Verify first: this browser has no guest’s session."))
    return uid


def refuse_other_guest(uid: str, named: str) -> None:
    """Raise NotAllowed("thinker_foreign") when a request names another guest than its session's."""
    if named != uid:
        raise NotAllowed("thinker_foreign", _("A session acts for its own guest alone."))
