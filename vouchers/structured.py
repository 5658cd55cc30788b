"""What search engines and assistants read of a voucher: schema.org as JSON-LD."""

import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.utils.safestring import SafeString, mark_safe

from vouchers.models import Hotel, Voucher
from vouchers.services import service_name
from vouchers.states import Status

CONTEXT = "https://schema.org"
# As Django's json_script: nothing of it can end its element or begin a comment.
_ESCAPES = {ord(sign): f"\\u{ord(sign):04X}" for sign in "<>&\u2028\u2029"}
_AVAILABILITY = {Status.ISSUED: "InStock", Status.BOOKED: "SoldOut", Status.CONSUMED: "SoldOut"}


def as_script(content: Mapping[str, Any]) -> SafeString:
    """Return content as JSON text that is safe inside a script element."""
    text = json.dumps(content, cls=DjangoJSONEncoder, ensure_ascii=False)
    return mark_safe(text.translate(_ESCAPES))  # noqa: S308 - escaped by the line before


def hotel_data(hotel: Hotel) -> dict[str, Any]:
    """Return a hotel; what it has not told is left out."""
    told = {"address": hotel.address, "telephone": hotel.phone, "email": hotel.email}
    return {"@type": "Hotel", "name": hotel.name, **{name: text for name, text in told.items() if text}}


def offer_data(voucher: Voucher, status: Status) -> dict[str, Any]:
    """Return a voucher as the offer of a service; without a price it costs nothing more."""
    hotel = hotel_data(voucher.hotel)
    service = {
        "@type": "Service",
        "name": voucher.title,
        "serviceType": str(service_name(voucher.service_type)),
    }
    return {
        "@context": CONTEXT,
        "@type": "Offer",
        "name": voucher.title,
        "description": voucher.description,
        "url": f"{settings.PUBLIC_URL}/voucher/{voucher.pk}/",
        "price": voucher.price_amount or 0,
        "priceCurrency": voucher.price_currency,
        "availability": f"{CONTEXT}/{_AVAILABILITY.get(status, 'Discontinued')}",
        "validFrom": voucher.valid_from,
        "validThrough": voucher.valid_until,
        "offeredBy": hotel,
        "itemOffered": {**service, "provider": hotel},
    }
