"""Claim links: good for one claim, taken back by whoever gave them, worthless ever after."""

import pytest

from events.models import Event
from portal.errors import Conflict
from tests.checks import conflicting, unchanged
from tests.make import GUEST, GUEST_UID, NOW, OTHER_UID, make_offer, make_voucher
from tests.web import browser_of, text_of, words_of
from vouchers.domain import recall_claim_links, transfer_voucher
from vouchers.links import make_claim_token, read_claim_token
from vouchers.models import Voucher

pytestmark = pytest.mark.django_db


@pytest.fixture
def voucher() -> Voucher:
    return make_voucher(make_offer(transferable=True), holder_uid=GUEST_UID)


def test_a_link_that_was_taken_back_gives_nothing_and_a_new_one_does(voucher: Voucher) -> None:
    giver = browser_of(GUEST_UID)
    link = giver.post(f"/voucher/{voucher.pk}/").context["claim_link"]
    answer = giver.post(f"/voucher/{voucher.pk}/recall/", follow=True)
    assert "The links you made are worth nothing any more: the voucher stays yours." in words_of(answer)
    with unchanged():
        assert browser_of().post(link).status_code == 409
    assert browser_of().get(link).status_code == 404
    again = giver.post(f"/voucher/{voucher.pk}/").context["claim_link"]
    assert browser_of(OTHER_UID).post(again).status_code == 302
    assert Voucher.objects.get().holder_uid == OTHER_UID
    assert Event.objects.filter(type="voucher.recall").values_list("actor_id", flat=True).get() == GUEST_UID


def test_a_link_is_worthless_even_when_the_voucher_has_come_back(voucher: Voucher) -> None:
    old = f"/claim/{make_claim_token(voucher)}/"
    assert browser_of(OTHER_UID).post(old).status_code == 302
    back = make_claim_token(Voucher.objects.get())
    assert browser_of(GUEST_UID).post(f"/claim/{back}/").status_code == 302
    assert Voucher.objects.get().holder_uid == GUEST_UID
    with unchanged():
        assert browser_of("thinker-cccccccccccc").post(old).status_code == 409


def test_what_was_claimed_cannot_be_taken_back(voucher: Voucher) -> None:
    browser_of(OTHER_UID).post(f"/claim/{make_claim_token(voucher)}/")
    with unchanged():
        assert browser_of(GUEST_UID).post(f"/voucher/{voucher.pk}/recall/").status_code == 404
    with conflicting("voucher_changed"):
        recall_claim_links(voucher_id=voucher.pk, by=GUEST, now=NOW)


def test_nobody_else_takes_links_back(voucher: Voucher) -> None:
    anyones = make_voucher(make_offer())
    with unchanged():
        assert browser_of(OTHER_UID).post(f"/voucher/{voucher.pk}/recall/").status_code == 404
        assert browser_of(OTHER_UID).post(f"/voucher/{anyones.pk}/recall/").status_code == 404


def test_a_claim_of_another_epoch_is_refused_by_the_verb_itself(voucher: Voucher) -> None:
    claim = read_claim_token(make_claim_token(voucher))
    recall_claim_links(voucher_id=voucher.pk, by=GUEST, now=NOW)
    with pytest.raises(Conflict):
        transfer_voucher(
            voucher_id=voucher.pk, from_uid=GUEST_UID, to_uid=OTHER_UID, now=NOW, claim_epoch=claim.epoch
        )


def test_a_holder_has_the_code_for_the_desk_and_nobody_else_sees_one(voucher: Voucher) -> None:
    assert "Code for the front desk" in text_of(browser_of(GUEST_UID).get(f"/voucher/{voucher.pk}/"))
    anyones = make_voucher(make_offer())
    assert "Code for the front desk" not in text_of(browser_of(GUEST_UID).get(f"/voucher/{anyones.pk}/"))
