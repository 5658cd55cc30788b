"""The code that a guest shows at the desk: signed, and drawn as a QR code."""

import segno
from django.core import signing
from django.utils.safestring import SafeString, mark_safe

_SALT = "bookings.desk-code"


def voucher_code(voucher_id: str) -> str:
    """Return a voucher's signed code; it cannot be made up from the id alone."""
    return signing.Signer(salt=_SALT).sign(voucher_id)


def read_voucher_code(code: str) -> str | None:
    """Return the voucher id in a code; None unless this server signed it."""
    try:
        return signing.Signer(salt=_SALT).unsign(code)
    except signing.BadSignature:
        return None


def qr_svg(text: str, *, label: str) -> SafeString:
    """Return a text as an inline SVG; a full QR code, since phones cannot read Micro QR."""
    svg = segno.make(text, micro=False, error="m").svg_inline(
        border=2, omitsize=True, svgclass="qr", lineclass=None, title=label, dark="#000", light="#fff"
    )
    return mark_safe(svg)  # noqa: S308 - segno escapes the title; the rest are its own shapes
