"""Making a key by command: the key alone on stdout."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command

from access.models import ApiKey
from portal.callers import Scope
from tests.api import Api
from tests.make import make_hotel

pytestmark = pytest.mark.django_db


def test_the_key_alone_is_on_stdout(capsys: Any) -> None:
    make_hotel()
    call_command("create_api_key", hotel="hotel-a", scopes=["vouchers:read,desk"], name="PMS", days=30)
    out, err = capsys.readouterr()
    key = ApiKey.objects.get()
    assert out == out.strip() + "\n"
    assert Api(out.strip()).get("voucher/list").status_code == 200
    assert out.strip() not in err
    assert key.pk in err
    assert (key.name, key.scopes) == ("PMS", ["vouchers:read", "desk"])
    assert key.expires_at is not None


def test_a_platform_key_belongs_to_no_hotel(capsys: Any) -> None:
    call_command("create_api_key", platform=True, scopes=["all"])
    assert capsys.readouterr().out.startswith("hvp_")
    key = ApiKey.objects.get()
    assert (key.hotel, key.scopes) == (None, [scope.value for scope in Scope])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hotel": "ghost", "scopes": ["all"]}, "no hotel"),
        ({"hotel": "hotel-a", "scopes": ["everything"]}, "scopes_invalid"),
        ({"hotel": "hotel-a", "scopes": [","]}, "scopes_invalid"),
        ({"hotel": "hotel-a", "scopes": ["all"], "days": 0}, "--days"),
        ({"hotel": "hotel-a", "scopes": ["all"], "name": ""}, "key_name_invalid"),
    ],
)
def test_a_key_that_cannot_be_is_refused(options: dict[str, Any], words: str) -> None:
    make_hotel()
    with pytest.raises(CommandError, match=words):
        call_command("create_api_key", **options)
    assert not ApiKey.objects.exists()
