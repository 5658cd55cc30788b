"""Claim links: how a voucher goes from the hotel or its holder to another guest."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core import signing
from django.utils.translation import gettext_lazy as _

from portal.errors import Rejected
from vouchers.models import Voucher

CLAIM_LIFETIME = timedelta(days=30)
_SALT = "vouchers.claim-link"


@dataclass(frozen=True, slots=True)
class Claim:
    """What a claim link says: which voucher, whose it was when it was made, and of which epoch it is."""

    voucher_id: str
    from_uid: str
    epoch: int


def make_claim_token(voucher: Voucher) -> str:
    """Return the signed part of a claim link.

    It is good for 30 days and for one claim: a claim, and a holder who takes it back, end its epoch.
    """
    content = {"voucher": voucher.pk, "from": voucher.holder_uid, "epoch": voucher.claim_epoch}
    return signing.dumps(content, salt=_SALT, compress=True)


def read_claim_token(token: str) -> Claim:
    """Return what a claim link says.

    Raises Rejected("link_expired") or Rejected("link_invalid").
    """
    try:
        content: Any = signing.loads(token, salt=_SALT, max_age=CLAIM_LIFETIME)
        return Claim(str(content["voucher"]), str(content["from"]), int(content["epoch"]))
    except signing.SignatureExpired as error:
        raise Rejected("link_expired", _("This link has expired.")) from error
    except (signing.BadSignature, KeyError, TypeError, ValueError) as error:
        raise Rejected("link_invalid", _("This link is not complete or not genuine.")) from error
