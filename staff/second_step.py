"""The second step of a sign-in: a number from an app, or one of the spare numbers."""

from base64 import b32encode
from binascii import unhexlify
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core import signing
from django.db import transaction
from django_otp import devices_for_user
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_otp.util import random_hex

SPARE_TOKENS = 8
_SALT = "staff.second-step"
_OFFER_LASTS = timedelta(hours=1)


def has_second_step(user: User) -> bool:
    """Tell whether a user has set up a second step."""
    return any(True for _device in devices_for_user(user))


@transaction.atomic
def is_right(user: User, token: str) -> bool:
    """Tell whether a number is right at this moment; it is used up by that.

    Wrong ones are counted by the device, which then takes none for a while. Only the device
    that the number can be of is asked: a mistyped one shall not count against the others.
    """
    kind = TOTPDevice if token.isdecimal() else StaticDevice
    for device in devices_for_user(user, for_verify=True):
        if isinstance(device, kind):
            is_allowed, _why = device.verify_is_allowed()
            return bool(is_allowed and device.verify_token(token))
    return False


@dataclass(frozen=True, slots=True)
class Offer:
    """A secret to set up: `address` is what an app scans, `sealed` what the form brings back."""

    key: str
    address: str
    secret: str
    sealed: str


def offer_of(user: User) -> Offer:
    """Return a new secret for a user; nothing is stored until a number has proved that an app has it."""
    key = random_hex()
    return _offer(user, key, signing.dumps({"user": user.pk, "key": key}, salt=_SALT))


def _offer(user: User, key: str, sealed: str) -> Offer:
    secret = b32encode(unhexlify(key)).decode().rstrip("=")
    return Offer(key, TOTPDevice(user=user, key=key).config_url, secret, sealed)


def offer_again(user: User, sealed: str) -> Offer | None:
    """Return the secret that a form brought back; None unless it was this user's, and not long ago."""
    try:
        content: Any = signing.loads(sealed, salt=_SALT, max_age=_OFFER_LASTS)
    except signing.BadSignature:
        return None
    return _offer(user, content["key"], sealed) if content["user"] == user.pk else None


@transaction.atomic
def switch_on(user: User, sealed: str, token: str) -> list[str]:
    """Set the second step up if the number is right; returns spare numbers, none when it is wrong."""
    offer = offer_again(user, sealed)
    if offer is None:
        return []
    device = TOTPDevice.objects.create(user=user, key=offer.key, name="app", confirmed=True)
    if not device.verify_token(token):
        transaction.set_rollback(True)
        return []
    spare = StaticDevice.objects.create(user=user, name="spare")
    tokens = [StaticToken.random_token() for _number in range(SPARE_TOKENS)]
    StaticToken.objects.bulk_create([StaticToken(device=spare, token=token) for token in tokens])
    return tokens


def switch_off(user: User, token: str) -> bool:
    """Take the second step away if the number is right."""
    if not is_right(user, token):
        return False
    for device in devices_for_user(user, confirmed=None):
        device.delete()
    return True
