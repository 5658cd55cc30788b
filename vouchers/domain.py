"""The verbs that change vouchers; the only writer of the vouchers app's tables.

A verb that ends with a booking too (book, cancel, move, withdraw) stands in
`bookings.domain` and changes the voucher through `change_status` here.

Every verb touches the voucher's row first, then its batch, then what stands on it, so
that no two verbs ever wait for each other in a circle.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from events.domain import Change, record
from portal.actors import Actor, ActorKind
from portal.errors import Conflict, Rejected
from portal.ids import new_id
from portal.ready import Given, Ready, increase, insert_many, update
from vouchers import states
from vouchers.models import OFFER_MAX_MINUTES, Batch, Hotel, Offer, Voucher
from vouchers.states import Status
from vouchers.terms import EARLIEST, LATEST, Terms, validity_out_of_range
from vouchers.validators import is_storable

MAX_COUNT = 1000
# Characters of a voucher's terms as JSON: every list carries them along.
MOST_TERMS = 8000
UNDO_WINDOW = timedelta(minutes=5)

_REFUSALS: Mapping[Status, Any] = {
    Status.ISSUED: _("This voucher has no booking."),
    Status.BOOKED: _("This voucher is booked already."),
    Status.CONSUMED: _("This voucher has been used."),
    Status.CANCELLED: _("The hotel has withdrawn this voucher."),
    Status.EXPIRED: _("This voucher has expired."),
}


@transaction.atomic
def issue_vouchers(
    *,
    hotel: Hotel,
    terms: Terms,
    by: Actor,
    now: datetime,
    offer: Offer | None = None,
    count: int = 1,
    holder_uid: str = "",
) -> list[Voucher]:
    """Issue `count` vouchers (1 to 1000) on the same terms, all or none.

    Without a holder they are open to any guest and form a batch.

    Raises Rejected("issuer_not_allowed") for guests, Rejected("count_out_of_range"),
    Rejected("offer_foreign") when the offer is another hotel's, Rejected("offer_inactive"),
    Rejected("validity_out_of_range"), Rejected("voucher_invalid") for any other field.
    """
    refuse_issue(hotel=hotel, offer=offer, terms=terms, count=count, holder_uid=holder_uid, by=by, now=now)
    promise = promise_of(hotel, offer, terms, now)
    batch = None
    if not holder_uid:
        batch = Batch.objects.create(id=new_id("vb", now), open_issued=count, **promise)
    vouchers = [
        Voucher(
            id=new_id("v", now),
            batch=batch,
            holder_uid=holder_uid,
            expires_at=terms.valid_until,
            **promise,
        )
        for _number in range(count)
    ]
    insert_many(vouchers)
    record(
        [
            change_of(voucher, "issue", before={}, extra={"offer_id": voucher.offer_id})
            for voucher in vouchers
        ],
        by=by,
        now=now,
    )
    return vouchers


def refuse_issue(
    *,
    hotel: Hotel,
    offer: Offer | None,
    terms: Terms,
    count: int,
    holder_uid: str,
    by: Actor,
    now: datetime,
    most: int = MAX_COUNT,
) -> None:
    """Raise what `issue_vouchers` raises; no statement is needed for it."""
    if not by.acts_for_hotel:
        raise Rejected("issuer_not_allowed", _("Only the hotel can issue vouchers."))
    if not 1 <= count <= most:
        raise Rejected("count_out_of_range", _("Issue between 1 and %(most)s vouchers at once."), most=most)
    if offer is not None and offer.hotel_id != hotel.pk:
        raise Rejected("offer_foreign", _("This offer belongs to another hotel."))
    if offer is not None and not offer.is_active:
        raise offer_inactive()
    if not EARLIEST <= terms.valid_from < terms.valid_until <= LATEST:
        raise validity_out_of_range()
    promise = promise_of(hotel, offer, terms, now)
    refuse_invalid(
        Voucher(id=new_id("v", now), holder_uid=holder_uid, expires_at=terms.valid_until, **promise)
    )


def offer_inactive() -> Rejected:
    """Return the refusal to issue of an offer that is not active."""
    return Rejected("offer_inactive", _("This offer is not active."))


def promise_of(hotel: Hotel, offer: Offer | None, terms: Terms, now: datetime) -> dict[str, Any]:
    """Return the fields that vouchers issued at `now` share with their batch."""
    own = {each.name: getattr(terms, each.name) for each in fields(terms)}
    return {**own, "hotel": hotel, "offer": offer, "created_at": now}


def refuse_invalid(voucher: Voucher) -> None:
    """Raise Rejected("voucher_invalid") naming the fields whose values cannot be stored.

    The table's constraints are not asked, at a statement each. The order of times, and that what is
    booked has a holder, are the caller's to check; what else they refuse is refused here.
    """
    try:
        # Before the model's own checks, which do not bear terms that are nested without end.
        _refuse_unstorable(voucher)
        voucher.clean_fields(exclude={"hotel", "offer", "batch"})
    except ValidationError as error:
        words = "; ".join(
            f"{name}: {' '.join(messages)}" if name != "__all__" else " ".join(messages)
            for name, messages in error.message_dict.items()
        )
        raise Rejected(
            "voucher_invalid", _("The voucher cannot be issued: %(words)s"), words=words
        ) from error


def _refuse_unstorable(voucher: Voucher) -> None:
    """Raise ValidationError for what a model's fields let through and a database does not."""
    texts = ("service_type", "title", "description", "holder_uid", "terms")
    errors = {
        name: [_("This has characters that cannot be stored.")]
        for name in texts
        if not is_storable(getattr(voucher, name))
    }
    if not isinstance(voucher.terms, Mapping):
        errors["terms"] = [_("Write a JSON object, for example {}.")]
    elif "terms" not in errors and len(json.dumps(voucher.terms, default=str)) > MOST_TERMS:
        errors["terms"] = [_("Please give shorter terms.")]
    if voucher.offer_id is not None and voucher.duration_minutes > OFFER_MAX_MINUTES:
        errors["duration_minutes"] = [_("An offer's service lasts between a minute and a day.")]
    # A model's TextField leaves its length to forms.
    if len(voucher.description) > (Voucher._meta.get_field("description").max_length or 0):
        errors["description"] = [_("Please give a shorter description.")]
    if errors:
        raise ValidationError(errors)


def refuse_unless(verb: str, voucher: Voucher, *, by: Actor, now: datetime) -> None:
    """Raise unless the state table lets `by` use the verb on the voucher as it was read.

    Raises Rejected("actor_not_allowed") for a kind of actor that may never do this, and
    Conflict("voucher_<status>") for a voucher whose status, seen at `now`, does not allow it.
    """
    if not states.may(verb, by.kind):
        raise Rejected("actor_not_allowed", _("Only the hotel can do this."))
    status = voucher.shown(now)
    if status not in states.sources(verb):
        raise Conflict(f"voucher_{status}", _REFUSALS[status])


_WITH_ALL = Ready(lambda: Voucher.objects.select_related("hotel", "offer").filter(pk=Given("key")).order_by())


def voucher_with_all(voucher_id: str) -> Voucher | None:
    """Return a voucher with its hotel and its offer: all that decides what may be done with it."""
    return _WITH_ALL.first(key=voucher_id)


def change_status(
    verb: str,
    voucher: Voucher,
    target: Status,
    *,
    by: Actor,
    now: datetime,
    holder_uid: str | None = None,
    **fields: object,
) -> None:
    """Move a voucher as the table allows, in the caller's transaction, and mend its batch.

    The row decides: nothing happens unless it still is as `voucher` was read. On success
    `voucher` carries the new values.

    Raises what `refuse_unless` raises, and Conflict("voucher_changed") when somebody else
    changed the voucher meanwhile in a way that would not refuse the verb.
    """
    refuse_unless(verb, voucher, by=by, now=now)
    as_read: dict[str, Any] = {"id": voucher.pk, "status": voucher.status, "holder_uid": voucher.holder_uid}
    if voucher.status in states.EXPIRING:
        as_read["expires_at__gt"] = now
    holder = voucher.holder_uid if holder_uid is None else holder_uid
    if not update(Voucher, {"status": target, "holder_uid": holder, **fields}, **as_read):
        refuse_unless(verb, Voucher.objects.get(pk=voucher.pk), by=by, now=now)
        raise Conflict("voucher_changed", _("Someone else changed this voucher just now."))
    before = _counter_of(voucher)
    voucher.status, voucher.holder_uid = target, holder
    for name, value in fields.items():
        setattr(voucher, name, value)
    _recount(voucher.batch_id, {before: -1}, {_counter_of(voucher): 1})


def _counter_of(voucher: Voucher) -> str | None:
    """Return the batch's counter that this voucher is in; None when somebody holds it."""
    return None if voucher.holder_uid else f"open_{voucher.status}"


def _recount(batch_id: str | None, *changes: Mapping[str | None, int]) -> None:
    """Add to a batch's counters; held vouchers (counter None) are in none."""
    sums: Counter[str] = Counter()
    for change in changes:
        for counter, number in change.items():
            if counter is not None:
                sums[counter] += number
    deltas = {counter: number for counter, number in sums.items() if number}
    if batch_id is not None and deltas:
        increase(Batch, deltas, id=batch_id)


def state_of(voucher: Voucher) -> dict[str, Any]:
    """Return what the journal keeps of a voucher before and after a change."""
    return {"status": voucher.status, "holder_uid": voucher.holder_uid}


def change_of(
    voucher: Voucher, verb: str, *, before: Mapping[str, Any], extra: Mapping[str, Any] | None = None
) -> Change:
    """Describe a change of a voucher for the journal; `after` is the voucher as it is now."""
    return Change(
        type=f"voucher.{verb}",
        subject_type="voucher",
        subject_id=voucher.pk,
        issuer_uid=voucher.hotel_id,
        before=before,
        after=state_of(voucher),
        extra=extra or {},
    )


@transaction.atomic
def redeem_voucher(*, voucher_id: str, by: Actor, now: datetime) -> Voucher:
    """Consume a booked voucher, or an issued one whose guest walked in.

    Raises what `change_status` raises, and Rejected("voucher_not_yet_valid") for a walk-in
    before the validity begins.
    """
    voucher = Voucher.objects.get(pk=voucher_id)
    refuse_unless("redeem", voucher, by=by, now=now)
    if voucher.status == Status.ISSUED and now < voucher.valid_from:
        raise Rejected("voucher_not_yet_valid", _("This voucher is not valid yet."))
    before = state_of(voucher)
    change_status(
        "redeem",
        voucher,
        Status.CONSUMED,
        by=by,
        now=now,
        redeemed_at=now,
        redeemed_from=voucher.status,
    )
    record([change_of(voucher, "redeem", before=before)], by=by, now=now)
    return voucher


@transaction.atomic
def undo_redemption(*, voucher_id: str, by: Actor, now: datetime) -> Voucher:
    """Take a redemption back within five minutes: the voucher is again what it was before.

    Raises what `change_status` raises, and Rejected("undo_expired") after five minutes.
    """
    voucher = Voucher.objects.get(pk=voucher_id)
    refuse_unless("unredeem", voucher, by=by, now=now)
    if voucher.redeemed_at is None or now - voucher.redeemed_at > UNDO_WINDOW:
        raise Rejected("undo_expired", _("A redemption can be undone for five minutes only."))
    before = state_of(voucher)
    change_status(
        "unredeem",
        voucher,
        Status(voucher.redeemed_from),
        by=by,
        now=now,
        redeemed_at=None,
        redeemed_from="",
    )
    record([change_of(voucher, "unredeem", before=before)], by=by, now=now)
    return voucher


@transaction.atomic
def transfer_voucher(
    *, voucher_id: str, from_uid: str, to_uid: str, now: datetime, claim_epoch: int | None = None
) -> Voucher:
    """Give an unbooked voucher to another guest: from its holder, or from the hotel if it is open.

    The caller has checked the signed claim link, which says from whom, and of which epoch it is.
    Every other claim link is worthless from then on.

    Raises what `change_status` raises, Conflict("voucher_changed") when the voucher is no
    longer `from_uid`'s or the link was taken back, Rejected("voucher_not_transferable") when a
    holder may not hand it on, Rejected("holder_not_allowed") for nobody.
    """
    by = Actor(ActorKind.GUEST, to_uid)
    # Locked, so that whoever takes the link back does so before or after this, and not beside it.
    voucher = Voucher.objects.select_for_update(no_key=True).get(pk=voucher_id)
    refuse_unless("transfer", voucher, by=by, now=now)
    if not to_uid:
        raise Rejected("holder_not_allowed", _("A voucher is handed on to a guest."))
    if voucher.holder_uid == to_uid:
        return voucher
    if voucher.holder_uid != from_uid or claim_epoch not in (None, voucher.claim_epoch):
        raise Conflict("voucher_changed", _("This voucher has been handed on already."))
    if voucher.holder_uid and not voucher.transferable:
        raise Rejected("voucher_not_transferable", _("This voucher cannot be handed on."))
    before = state_of(voucher)
    epoch = voucher.claim_epoch + 1
    change_status("transfer", voucher, Status.ISSUED, by=by, now=now, holder_uid=to_uid, claim_epoch=epoch)
    record([change_of(voucher, "transfer", before=before)], by=by, now=now)
    return voucher


@transaction.atomic
def recall_claim_links(*, voucher_id: str, by: Actor, now: datetime) -> None:
    """Take back every claim link that the holder has made of a voucher and nobody has claimed.

    Raises Conflict("voucher_changed") when the voucher is not the holder's any more.
    """
    own = Voucher.objects.held_by(by.id).filter(pk=voucher_id)
    if not own.update(claim_epoch=F("claim_epoch") + 1):
        raise Conflict("voucher_changed", _("This voucher has been handed on already."))
    voucher = own.get()
    record([change_of(voucher, "recall", before=state_of(voucher))], by=by, now=now)


@transaction.atomic
def expire_due(*, by: Actor, now: datetime, limit: int = 500) -> int:
    """Store as expired up to `limit` of the vouchers that the clock has ended.

    Returns how many there were; call again until it returns 0. Rows that another process
    is changing at this moment are left for the next call.

    Raises Rejected("actor_not_allowed") for anyone but the clock and the operator.
    """
    if not states.may("expire", by.kind):
        raise Rejected("actor_not_allowed", _("Only the clock ends a voucher."))
    due = list(
        Voucher.objects.due(now).order_by("pk").select_for_update(skip_locked=True, no_key=True)[:limit]
    )
    Voucher.objects.filter(pk__in=[voucher.pk for voucher in due]).update(status=Status.EXPIRED)
    changes = []
    moved: dict[str, Counter[str | None]] = {}
    for voucher in due:
        before, counter = state_of(voucher), _counter_of(voucher)
        voucher.status = Status.EXPIRED
        changes.append(change_of(voucher, "expire", before=before))
        if voucher.batch_id is not None:
            sums = moved.setdefault(voucher.batch_id, Counter())
            sums[counter] -= 1
            sums[_counter_of(voucher)] += 1
    for batch_id in sorted(moved):
        _recount(batch_id, moved[batch_id])
    record(changes, by=by, now=now)
    return len(due)


def all_due(*, by: Actor, now: datetime) -> Iterable[int]:
    """Sweep everything that is due, in transactions of a few hundred; yields each one's number."""
    while number := expire_due(by=by, now=now):
        yield number
