"""The services that hotels commonly give, in words that guests understand."""

from django.utils.translation import gettext_lazy as _

_NAMES = {
    "hotel.booking": _("Stay and service"),
    "hotel.spa": _("Spa"),
    "hotel.dinner": _("Dinner"),
    "hotel.breakfast": _("Breakfast"),
    "hotel.late_checkout": _("Late checkout"),
    "hotel.meeting_room": _("Meeting room"),
    "hotel.massage": _("Massage"),
    "hotel.tour": _("Tour"),
    "hotel.transfer": _("Transfer"),
    "hotel.fitness": _("Fitness"),
}


def service_name(service_type: str) -> str:
    """Return a service type in words; an unknown one by its last part."""
    known = _NAMES.get(service_type)
    if known is not None:
        return str(known)
    return service_type.rpartition(".")[2].replace("_", " ").capitalize()
