"""The second step of a sign-in: a number from an app, or one of the spare numbers."""

from django.contrib.auth.models import User
from django.db import transaction
from django_otp import devices_for_user
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

SPARE_TOKENS = 8


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


def device_to_set_up(user: User) -> TOTPDevice:
    """Return the device that a user is setting up: it counts for nothing until a number has proved it."""
    return TOTPDevice.objects.get_or_create(user=user, confirmed=False, name="app")[0]


@transaction.atomic
def switch_on(user: User, token: str) -> list[str]:
    """Set the second step up if the number is right; returns spare numbers, none when it is wrong."""
    device = device_to_set_up(user)
    if not device.verify_token(token):
        return []
    device.confirmed = True
    device.save()
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
