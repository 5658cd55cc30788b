"""Signing in: attempts are counted, a second step is asked of those who have one."""

import base64
import html
import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from tests.make import NOW
from tests.web import words_of

pytestmark = pytest.mark.django_db
PASSWORD = "Correct-horse-9"


@pytest.fixture
def clerk() -> User:
    return User.objects.create_user("clerk", password=PASSWORD, is_staff=True)


def sign_in(client: Client, password: str = PASSWORD, name: str = "clerk", **more: str) -> Any:
    return client.post("/admin/login/?next=/admin/", {"username": name, "password": password, **more})


def is_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def number(key: bytes) -> str:
    totp = TOTP(key)
    totp.time = NOW.timestamp()
    return f"{totp.token():06}"


def test_name_and_password_are_enough_without_a_second_step(clerk: User) -> None:
    client = Client()
    assert sign_in(client).status_code == 302
    assert is_in(client)


def test_after_five_wrong_passwords_even_the_right_one_waits(clerk: User, clock: Any) -> None:
    client = Client()
    statuses = [sign_in(client, "wrong").status_code for _number in range(5)]
    assert statuses[:4] == [200] * 4
    answer = sign_in(client)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "900"
    assert "Wait 15 minutes" in words_of(answer)
    assert not is_in(client)
    clock.shift(timedelta(minutes=15, seconds=1))
    assert sign_in(client).status_code == 302


def test_others_and_other_addresses_are_not_kept_out(clerk: User, settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1
    for _number in range(6):
        sign_in(Client(headers={"X-Forwarded-For": "203.0.113.9"}), "wrong")
    assert sign_in(Client(headers={"X-Forwarded-For": "203.0.113.9"})).status_code == 429
    assert sign_in(Client(headers={"X-Forwarded-For": "203.0.113.10"})).status_code == 302
    User.objects.create_user("other", password=PASSWORD, is_staff=True)
    assert sign_in(Client(headers={"X-Forwarded-For": "203.0.113.9"}), name="other").status_code == 302


def test_no_log_holds_a_name_or_a_password(clerk: User, caplog: Any) -> None:
    caplog.set_level("DEBUG")
    sign_in(Client(), "a-wrong-canary", name="canary-name")
    assert "canary" not in caplog.text


def offered(client: Client) -> tuple[str, bytes]:
    """Return what the page's form brings back, and the secret that an app would scan."""
    page = client.get("/admin/second-step/").content.decode()
    assert 'class="qr"' in page
    secret = re.search(r"<code>([A-Z2-7]+)</code>", page)[1]
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    return html.unescape(re.search(r'name="sealed" value="([^"]+)"', page)[1]), key


def set_up(client: Client, clerk: User) -> list[str]:
    sealed, key = offered(client)
    # Looking at the page stores nothing, and a wrong number leaves the picture as it is.
    wrong = client.post("/admin/second-step/", {"token": "000000", "sealed": sealed})
    assert sealed in wrong.content.decode()
    assert not TOTPDevice.objects.exists()
    answer = client.post("/admin/second-step/", {"token": number(key), "sealed": sealed})
    assert "Your second step is switched on." in words_of(answer)
    spare = list(StaticToken.objects.values_list("token", flat=True))
    assert len(spare) == 8
    assert all(token in answer.content.decode() for token in spare)
    return spare


def test_a_second_step_is_asked_as_soon_as_it_is_set_up(clerk: User, clock: Any) -> None:
    client = Client()
    sign_in(client)
    (spare, *_others) = set_up(client, clerk)
    device = TOTPDevice.objects.get(user=clerk)
    other = Client()
    assert "Type the number that your app shows as well." in words_of(sign_in(other))
    assert not is_in(other)
    assert "This number is not right" in words_of(sign_in(other, token="000000"))
    assert not is_in(other)
    # The number that set it up is used up; a spare one opens once.
    sign_in(other, token=number(device.bin_key))
    assert not is_in(other)
    clock.shift(timedelta(minutes=20))
    assert sign_in(other, token=spare).status_code == 302
    assert is_in(other)
    third = Client()
    sign_in(third, token=spare)
    assert not is_in(third)


def test_a_wrong_number_switches_nothing_on(clerk: User) -> None:
    client = Client()
    sign_in(client)
    sealed, key = offered(client)
    other = User.objects.create_user("other", password=PASSWORD, is_staff=True)
    stranger = Client()
    stranger.force_login(other)
    for browser, fields in (
        (client, {"token": "000000", "sealed": sealed}),
        (client, {"token": number(key)}),
        (client, {"token": number(key), "sealed": sealed + "x"}),
        (stranger, {"token": number(key), "sealed": sealed}),
    ):
        assert browser.post("/admin/second-step/", fields).status_code == 422
    assert not TOTPDevice.objects.exists()
    assert sign_in(Client()).status_code == 302


def test_it_is_switched_off_with_a_number_and_not_without(clerk: User) -> None:
    client = Client()
    sign_in(client)
    (spare, *_others) = set_up(client, clerk)
    assert client.post("/admin/second-step/", {"token": "000000"}).status_code == 422
    assert TOTPDevice.objects.filter(confirmed=True).exists()
    with time_machine.travel(NOW + timedelta(minutes=1), tick=False):
        assert client.post("/admin/second-step/", {"token": spare}).status_code == 302
    assert not TOTPDevice.objects.exists()
    assert not StaticToken.objects.exists()


def test_the_page_is_for_staff_alone() -> None:
    assert Client().get("/admin/second-step/").status_code == 302


def test_nobody_reads_a_second_steps_secret_in_the_admin() -> None:
    root = Client()
    root.force_login(User.objects.create_superuser("root"))
    for model in ("otp_totp/totpdevice", "otp_static/staticdevice"):
        assert root.get(f"/admin/{model}/").status_code == 404
