"""The verbs of parties; the only writer of the parties app's tables.

Every verb that looks at more than its own member locks the party's row first.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from bookings.domain import GuestDetails
from bookings.promises import is_batch, promise_of
from bookings.together import Wish, WishRefused, book_together
from parties.models import LIFETIME, MOST_MEMBERS, NAME_LENGTH, Member, MemberQuerySet, MemberState, Party
from portal.actors import guest
from portal.errors import Conflict, NotAllowed, NotFound, Rejected
from portal.ids import new_id
from presence import store
from presence.pair_codes import new_pair_code

MOST_WAITING = 5
# Stands where the name of somebody stood who has left.
_NOBODY = "–"
_GONE = _("This party is over, or you have left it.")


@transaction.atomic
def start_party(*, uid: str, name: str, size: int, now: datetime) -> Party:
    """Make a party with a code of its own; its guest leaves any other.

    Raises Rejected("name_invalid"), Rejected("size_out_of_range").
    """
    name = _good_name(name)
    if not 2 <= size <= MOST_MEMBERS:
        raise Rejected("size_out_of_range", _("A party has 2 to %(most)s members."), most=MOST_MEMBERS)
    _leave_others(uid)
    store.leave(uid, now)
    party = Party.objects.create(id=new_id("p", now), pair_code=new_pair_code(), size=size, created_at=now)
    Member.objects.create(party=party, uid=uid, name=name, state=MemberState.IN, asked_at=now)
    return party


@transaction.atomic
def ask_to_join(*, code: str, uid: str, name: str, now: datetime) -> Member:
    """Ask the members of a party to be let in; asking again changes the name at most.

    Raises NotFound("party_not_found"), NotAllowed("party_refused") for whoever was turned away,
    Conflict("name_taken"), Conflict("party_queue_full"), Rejected("name_invalid").
    """
    name = _good_name(name)
    party = Party.objects.alive(now).select_for_update(no_key=True).filter(pair_code=code).first()
    if party is None:
        raise NotFound("party_not_found", _("There is no party with this code. Look at it once more."))
    others = list(party.members.exclude(uid=uid))
    own = party.members.filter(uid=uid).first()
    if own is not None and own.state == MemberState.REFUSED:
        raise NotAllowed("party_refused", _("The members of this party did not let you in."))
    if any(other.name.casefold() == name.casefold() for other in others):
        raise Conflict("name_taken", _("Somebody of this party has this name already. Take another."))
    if own is not None:
        own.name = name
        own.save(update_fields=["name"])
        return own
    if sum(other.state == MemberState.WAITING for other in others) >= MOST_WAITING:
        raise Conflict("party_queue_full", _("Too many are asking to join at this moment."))
    _leave_others(uid, party)
    # Nobody is online with a party's code before they are let in.
    store.leave(uid, now)
    return Member.objects.create(party=party, uid=uid, name=name, state=MemberState.WAITING, asked_at=now)


@transaction.atomic
def answer_request(*, uid: str, member_id: int, is_welcome: bool, now: datetime) -> Member:
    """Let somebody in who asks, or turn them away: any member may.

    Raises NotFound("party_not_found"), Conflict("request_gone") when it was answered or taken back,
    Conflict("party_full").
    """
    party = _locked_party_of(uid, now)
    asking = party.members.waiting().filter(pk=member_id)
    number = party.members.let_in().count()
    if is_welcome and number >= MOST_MEMBERS:
        raise Conflict("party_full", _("A party has at most %(most)s members."), most=MOST_MEMBERS)
    if not asking.update(state=MemberState.IN if is_welcome else MemberState.REFUSED):
        raise Conflict("request_gone", _("This request has been answered already."))
    if number >= party.size and is_welcome:
        party.size = number + 1
        party.save(update_fields=["size"])
    return Member.objects.get(pk=member_id)


@transaction.atomic
def bring(*, uid: str, promise_key: str, email: str, language: str, now: datetime) -> Member:
    """Bring a voucher, or one of a batch's open ones: from now on any member can book with it for all.

    Raises NotFound("party_not_found"), Rejected("promise_not_bookable") for what is not the guest's
    to book, or is of no offer.
    """
    member = _member(uid, now)
    promise = promise_of(promise_key, uid, now)
    if promise is None:
        raise Rejected("promise_not_bookable", _("This voucher cannot be booked together."))
    member.promise_key, member.offer_id = promise_key, promise.offer_id
    member.email, member.language, member.looking_at, member.booking_id = email, language, None, ""
    member.save()
    return member


def put_back(*, uid: str, now: datetime) -> None:
    """Bring nothing any more; raises NotFound("party_not_found")."""
    member = _member(uid, now)
    _put_back(member.party.members.filter(pk=member.pk))


def _put_back(members: Any, **more: object) -> None:
    members.update(promise_key="", offer=None, looking_at=None, **more)


def look_at(member: Member, start: datetime | None) -> None:
    """Note which slot a member looks at, for the others to see."""
    if member.looking_at != start:
        Member.objects.filter(pk=member.pk).update(looking_at=start)
        member.looking_at = start


def leave_party(*, uid: str, now: datetime) -> None:
    """Leave: nothing of the guest is kept, and a party without members is gone. Offline at once."""
    with transaction.atomic():
        _leave_others(uid)
    store.leave(uid, now)


def forget_member(*, uid: str) -> None:
    """Erase a guest from every party, in the caller's transaction, those that turned them away as well."""
    _delete_members(Member.objects.filter(uid=uid))


def _leave_others(uid: str, party: Party | None = None) -> None:
    """Leave every party but one; those who were turned away stay so until the party is gone."""
    own = Member.objects.current().filter(uid=uid)
    _delete_members(own if party is None else own.exclude(party=party))


def _delete_members(own: MemberQuerySet) -> None:
    """Delete a guest's parts in parties, their name from what is told there, and parties without members."""
    names = dict(own.values_list("party_id", "name"))
    for party in Party.objects.select_for_update(no_key=True).filter(pk__in=names).order_by("pk"):
        told = _without_name(party.outcome, names[party.pk])
        if told != party.outcome:
            party.outcome = told
            party.save(update_fields=["outcome"])
    own.delete()
    in_use = set(Member.objects.let_in().filter(party__in=names).values_list("party_id", flat=True))
    Party.objects.filter(pk__in=set(names) - in_use).delete()


def _without_name(outcome: Any, name: str) -> Any:
    """Return what is told of the last press without somebody's name in it."""
    if not outcome:
        return outcome
    told = {key: _NOBODY if outcome.get(key) == name else outcome.get(key) for key in ("by", "about")}
    names = [_NOBODY if other == name else other for other in outcome.get("names", ())]
    changed = {**told, "names": names}
    return {key: changed.get(key, value) for key, value in outcome.items()}


def together_with(member: Member, members: Collection[Member], online: Collection[str]) -> list[Member]:
    """Return whom a press of a member books for: who is here and brings something of the same offer."""
    if member.offer_id is None:
        return []
    return [
        other
        for other in members
        if other.offer_id == member.offer_id and (other.uid in online or other.pk == member.pk)
    ]


def press(*, uid: str, start: datetime, shown: Collection[int], now: datetime) -> bool:
    """Book the slot that starts at `start` for everyone who was `shown` to the guest: all or none.

    True when they are booked. When they are not, everyone is told why on their page, and of
    whom: nothing else has changed.

    Raises NotFound("party_not_found"), and Conflict("party_changed") when those who are here and
    bring something are not those who were shown.
    """
    try:
        with transaction.atomic():
            party = _locked_party_of(uid, now)
            members = list(party.members.let_in().order_by("pk"))
            online = store.online_of([member.uid for member in members], now)
            presser = next(member for member in members if member.uid == uid)
            together = together_with(presser, members, online)
            if not together or {member.pk for member in together} != set(shown):
                raise Conflict(
                    "party_changed", _("Your party has changed meanwhile. Look who is here, and press again.")
                )
            _book(party, presser, together, start, now)
    except WishRefused as refused:
        _tell_refused(party, presser, refused, members, start)
        return False
    return True


def _book(party: Party, presser: Member, together: list[Member], start: datetime, now: datetime) -> None:
    bookings = book_together(
        wishes=[_wish(member) for member in together], start=start, by=guest(presser.uid), now=now
    )
    made = {booking.holder_uid: booking.pk for booking in bookings}
    for member in together:
        _put_back(Member.objects.filter(pk=member.pk), booking_id=made[member.uid])
    party.outcome = {
        "is_booked": True,
        "by": presser.name,
        "names": [member.name for member in together],
        "start": start.isoformat(),
        "offer": presser.offer_id,
        "at": now.isoformat(),
    }
    party.save(update_fields=["outcome"])


def _wish(member: Member) -> Wish:
    details = GuestDetails(name=member.name, email=member.email, language=member.language)
    key = member.promise_key
    if is_batch(key):
        return Wish(holder_uid=member.uid, batch_id=key, guest=details)
    return Wish(holder_uid=member.uid, voucher_id=key, guest=details)


def _tell_refused(
    party: Party, presser: Member, refused: WishRefused, members: list[Member], start: datetime
) -> None:
    error, whose = refused.error, refused.wish
    about = next((member.name for member in members if whose and member.uid == whose.holder_uid), "")
    outcome = {
        "is_booked": False,
        "by": presser.name,
        "about": about,
        "code": error.code,
        "source": error.source,
        "values": {name: str(value) for name, value in error.values.items()},
        "start": start.isoformat(),
        "offer": presser.offer_id,
    }
    Party.objects.filter(pk=party.pk).update(outcome=outcome)


def prune_parties(now: datetime) -> int:
    """Forget the parties of more than a day ago; returns how many."""
    old = Party.objects.filter(created_at__lte=now - LIFETIME)
    keys = list(old.values_list("pk", flat=True)[:1000])
    Party.objects.filter(pk__in=keys).delete()
    return len(keys)


def _good_name(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= NAME_LENGTH or not name.isprintable():
        raise Rejected("name_invalid", _("Take a name of 1 to %(most)s characters."), most=NAME_LENGTH)
    return name


def _member(uid: str, now: datetime) -> Member:
    found = Member.objects.let_in().select_related("party").filter(uid=uid)
    member = found.filter(party__created_at__gt=now - LIFETIME).first()
    if member is None:
        raise NotFound("party_not_found", _GONE)
    return member


def _locked_party_of(uid: str, now: datetime) -> Party:
    member = _member(uid, now)
    party = Party.objects.select_for_update(no_key=True).filter(pk=member.party_id).first()
    # Whoever left while this waited is no member any more.
    if party is None or not party.members.let_in().filter(uid=uid).exists():
        raise NotFound("party_not_found", _GONE)
    return party
