"""Many guests at once, in real browsers' manner, against real processes on both engines."""

import copy
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from bookings.slot_ids import slot_id
from tests.engines import Engine
from tests.patience import until
from tests.races.chance import tell_seed
from tests.races.conftest import Hotel, opened
from tests.races.truth import Stored, Truth
from tests.requirements import IS_SOAK
from tests.servers import (
    ROOT,
    WAIT_SECONDS,
    Answer,
    Browser,
    PageForm,
    at_once,
    environment,
    filled,
    read_form,
)

CROWD = 64
# What guests at random have to have done before it is enough.
MANY_DEEDS = 2000 if IS_SOAK else 150
# What a server that copes never writes.
TROUBLE = ("database is locked", "deadlock", "Traceback", "The database is away", "Internal Server Error")


def press_at_once(browsers: list[Browser], forms: list[PageForm]) -> list[Answer]:
    return at_once([lambda b=b, f=f: b.press(f) for b, f in zip(browsers, forms, strict=True)])


def open_forms(browsers: list[Browser], wishes: list[tuple[str, datetime]]) -> list[PageForm]:
    """Let every guest open the form of a voucher or batch at a slot, with an address of their own."""
    return at_once(
        [
            lambda b=browser, n=number, v=voucher, s=start: b.booking_form(v, s, name=f"Guest{n}")
            for number, (browser, (voucher, start)) in enumerate(zip(browsers, wishes, strict=True))
        ]
    )


def read(hotel: Hotel, made: Any) -> Stored:
    """Return what is stored of an offer, and see that it keeps the rules."""
    stored = Truth(hotel.database_url).read([made["offer"]])
    assert stored.faults() == []
    return stored


@contextmanager
def no_trouble(hotel: Hotel) -> Iterator[None]:
    """See that the server writes of no trouble meanwhile."""
    before = len(hotel.portal.log())
    yield
    written = hotel.portal.log()[before:]
    assert [words for words in TROUBLE if words in written] == [], written


def statuses(answers: list[Answer]) -> dict[int, int]:
    return dict(Counter(answer.status for answer in answers))


def test_of_64_guests_who_press_for_one_voucher_one_books_and_63_are_told_politely(hotel: Hotel) -> None:
    made = hotel.offer(vouchers=1, capacity=CROWD)
    voucher = made["vouchers"][0][0]
    crowd = hotel.strangers(CROWD)
    forms = open_forms(crowd, [(voucher, hotel.slot())] * CROWD)
    with no_trouble(hotel):
        answers = press_at_once(crowd, forms)
    assert statuses(answers) == {303: 1, 409: CROWD - 1}
    assert all('role="alert"' in answer.body for answer in answers if answer.status == 409)
    stored = read(hotel, made)
    booked = next(answer for answer in answers if answer.status == 303)
    assert list(stored.bookings) == [booked.booking_id]
    assert [row["subject_id"] for row in stored.events_of("book")] == [voucher]
    assert stored.vouchers[voucher]["status"] == "booked"
    assert stored.batches[made["batches"][0]]["open_issued"] == 0


@pytest.mark.parametrize("guests", ["strangers", "guests"])
def test_one_guest_who_presses_twice_at_once_has_one_booking_and_both_answers_lead_to_it(
    hotel: Hotel, guests: str
) -> None:
    number = 16
    made = hotel.offer(vouchers=number, batches=2, max_per_guest=1, capacity=CROWD)
    ids, batch = made["vouchers"][0], made["batches"][1]
    browsers = hotel.strangers(2 * number) if guests == "strangers" else hotel.guests(2 * number)
    wishes = [(voucher, hotel.slot()) for voucher in ids] + [(batch, hotel.slot())] * number
    forms = open_forms(browsers, wishes)
    with no_trouble(hotel):
        pairs = [item for pair in zip(browsers, forms, strict=True) for item in (pair, pair)]
        answers = press_at_once(
            [browser.twin() for browser, _form in pairs], [form for _browser, form in pairs]
        )
    assert statuses(answers) == {303: 4 * number}
    led = [answer.booking_id for answer in answers]
    assert led[::2] == led[1::2]
    stored = read(hotel, made)
    assert sorted(stored.bookings) == sorted(set(led))
    assert len(stored.bookings) == 2 * number


@pytest.mark.sample
def test_of_64_guests_who_press_for_a_slot_of_5_places_exactly_5_book(hotel: Hotel) -> None:
    # Each voucher has a batch of its own: else the batch's counter would queue the guests up.
    made = hotel.offer(vouchers=1, batches=CROWD, capacity=5)
    crowd = hotel.strangers(CROWD)
    forms = open_forms(crowd, [(voucher, hotel.slot()) for (voucher,) in made["vouchers"]])
    with no_trouble(hotel):
        answers = press_at_once(crowd, forms)
    assert statuses(answers) == {303: 5, 409: CROWD - 5}
    stored = read(hotel, made)
    assert sorted(stored.bookings) == sorted(answer.booking_id for answer in answers if answer.status == 303)


def test_services_longer_than_the_grid_share_the_places_and_no_free_place_is_refused(hotel: Hotel) -> None:
    made = hotel.offer(vouchers=1, batches=CROWD, capacity=5, duration_minutes=90)
    crowd = hotel.strangers(CROWD)
    vouchers = [voucher for (voucher,) in made["vouchers"]]
    starts = [hotel.slot(10 + number % 4) for number in range(CROWD)]
    forms = open_forms(crowd, list(zip(vouchers, starts, strict=True)))
    with no_trouble(hotel):
        answers = press_at_once(crowd, forms)
    assert set(statuses(answers)) == {303, 409}
    stored = read(hotel, made)
    assert len(stored.standing) == statuses(answers)[303]
    for start in {s for s, answer in zip(starts, answers, strict=True) if answer.status == 409}:
        end = start + timedelta(minutes=90)
        beside = [r for r in stored.standing if r["slot_start"] < end and r["slot_end"] > start]
        overlapping = Stored(bookings={row["id"]: row for row in beside})
        assert overlapping.most_at_once(made["offer"]) == 5


def test_of_64_guests_who_press_for_a_batch_of_40_each_voucher_is_booked_once(hotel: Hotel) -> None:
    made = hotel.offer(vouchers=40, capacity=CROWD)
    batch = made["batches"][0]
    crowd = hotel.strangers(CROWD)
    forms = open_forms(crowd, [(batch, hotel.slot(10 + number % 8)) for number in range(CROWD)])
    with no_trouble(hotel):
        answers = press_at_once(crowd, forms)
    assert statuses(answers) == {303: 40, 409: CROWD - 40}
    stored = read(hotel, made)
    assert sorted(row["voucher_id"] for row in stored.standing) == sorted(made["vouchers"][0])
    assert stored.batches[batch]["open_issued"] == 0


@pytest.mark.parametrize("known_by", ["cookie", "email"])
def test_a_guest_who_may_have_one_booking_gets_one_of_16_asked_for_at_once(
    hotel: Hotel, known_by: str
) -> None:
    made = hotel.offer(vouchers=1, batches=16, max_per_guest=1, capacity=CROWD)
    vouchers = [ids[0] for ids in made["vouchers"]]
    if known_by == "cookie":
        one = hotel.guests(1)[0]
        tabs = [one.twin() for _number in range(16)]
    else:
        tabs = hotel.strangers(16)
    forms = open_forms(tabs, [(voucher, hotel.slot(number)) for number, voucher in enumerate(vouchers)])
    if known_by == "email":
        for form in forms:
            form.fields["email"] = "one.address@guest.example"
    with no_trouble(hotel):
        answers = press_at_once(tabs, forms)
    assert statuses(answers) == {303: 1, 409: 15}
    assert len(read(hotel, made).bookings) == 1


def test_a_guest_who_presses_cancel_many_times_at_once_cancels_once_and_is_not_refused(hotel: Hotel) -> None:
    number = 8
    made = hotel.offer(vouchers=number, capacity=CROWD)
    browsers = hotel.guests(number)
    forms = open_forms(browsers, [(voucher, hotel.slot()) for voucher in made["vouchers"][0]])
    booked = press_at_once(browsers, forms)
    assert statuses(booked) == {303: number}
    presses = [
        (browser.twin(), answer) for browser, answer in zip(browsers, booked, strict=True) for _ in range(4)
    ]
    with no_trouble(hotel):
        answers = at_once([lambda b=b, a=a: b.change(a.booking_id, "cancel") for b, a in presses])
    assert statuses(answers) == {302: 4 * number}
    stored = read(hotel, made)
    assert stored.standing == []
    assert len(stored.events_of("cancel")) == number
    assert stored.batches[made["batches"][0]]["open_issued"] == number


# Everything at once


@dataclass
class Deeds:
    """What was acknowledged to guests, and every status that was answered to a button."""

    booked: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    moved: list[tuple[str, datetime]] = field(default_factory=list)
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    unanswered: int = 0
    errors: list[Exception] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.booked) + len(self.cancelled) + len(self.moved)

    @property
    def pressed(self) -> int:
        """How many buttons were answered."""
        return sum(list(self.statuses.values()))

    @property
    def are_enough(self) -> bool:
        """True when so much has happened, and was refused, that the rules were put to the test."""
        needed = (("book", 303), ("move", 302), ("cancel", 302), ("book", 409), ("move", 409))
        return min(self.statuses[each] for each in needed) > 5

    def missing_in(self, stored: Stored) -> list[str]:
        """Return what was acknowledged and is not stored."""
        moves = {
            (row["meta"]["booking_id"], datetime.fromisoformat(row["meta"]["slot_start"]))
            for row in stored.events_of("move") + stored.events_of("book")
        }
        return [
            *(f"booking {key}" for key in self.booked if key not in stored.bookings),
            *(
                f"cancelling of {key}"
                for key in self.cancelled
                if stored.bookings[key]["status"] != "cancelled"
            ),
            *(f"move of {key} to {start}" for key, start in self.moved if (key, start) not in moves),
        ]


class Wanderer(threading.Thread):
    """A guest who books, moves and cancels at random, in one of two tabs of a browser."""

    def __init__(
        self,
        browser: Browser,
        own: list[str],
        wishes: tuple[list[str], list[datetime]],
        deeds: Deeds,
        stop: threading.Event,
        seed: str,
        *,
        patient: bool = False,
    ) -> None:
        super().__init__()
        self._browser, self._own, self._deeds, self._stop_asked = browser, own, deeds, stop
        self._promises, self._starts = wishes
        self._random = random.Random(seed)
        self._patient = patient

    def run(self) -> None:
        try:
            while not self._stop_asked.is_set():
                self._random.choice(_TEMPER)(self)
        except Exception as error:
            self._deeds.errors.append(error)

    def _answer(self, ask: Callable[[], Answer]) -> Answer:
        """Ask until there is an answer, as a guest does who reloads when the connection breaks."""
        while True:
            try:
                return ask()
            except (OSError, HTTPException):
                if not self._patient:
                    raise
                self._deeds.unanswered += 1

    def _pressed(self, verb: str, ask: Callable[[], Answer]) -> Answer:
        answer = self._answer(ask)
        self._deeds.statuses[verb, answer.status] += 1
        return answer

    def _book(self) -> None:
        promise, start = self._random.choice(self._promises), self._random.choice(self._starts)
        page = self._answer(lambda: self._browser.booking_page(promise, start))
        form = read_form(page.body)
        if form is None:
            # Somebody else has this voucher at the moment.
            return
        name = f"Guest{self._random.randrange(10**9)}"
        answer = self._pressed("book", lambda: self._browser.press(filled(form, name)))
        if answer.status == 303:
            self._own.append(answer.booking_id)
            self._deeds.booked.append(answer.booking_id)

    def _move(self) -> None:
        if self._own:
            key, start = self._random.choice(self._own[-2:]), self._random.choice(self._starts)
            ask = lambda: self._browser.change(key, "move", slot=slot_id(start))  # noqa: E731
            if self._pressed("move", ask).status == 302:
                self._deeds.moved.append((key, start))

    def _cancel(self) -> None:
        if self._own:
            key = self._random.choice(self._own[-2:])
            if self._pressed("cancel", lambda: self._browser.change(key, "cancel")).status == 302:
                self._deeds.cancelled.append(key)


# A booking that is cancelled at once could not be moved: moves are tried more often.
_TEMPER = (Wanderer._book, Wanderer._book, Wanderer._move, Wanderer._move, Wanderer._cancel)


@contextmanager
def wandering(hotel: Hotel, made: Any, *, number: int = 16, patient: bool = False) -> Iterator[Deeds]:
    """Let guests, two tabs each, do all sorts of things meanwhile; then see what they were told."""
    promises = [*made["batches"], *(ids[0] for ids in made["vouchers"])]
    wishes = promises, [hotel.slot(10 + hour) for hour in range(6)]
    deeds, stop, seed = Deeds(), threading.Event(), tell_seed()
    wanderers = []
    for pair, browser in enumerate(hotel.guests(number // 2)):
        own: list[str] = []
        wanderers += [
            Wanderer(browser.twin(), own, wishes, deeds, stop, f"{seed} {pair} {tab}", patient=patient)
            for tab in range(2)
        ]
    for wanderer in wanderers:
        wanderer.start()
    try:
        yield deeds
    finally:
        stop.set()
        for wanderer in wanderers:
            wanderer.join()
    if deeds.errors:
        raise deeds.errors[0]
    refused = {(verb, status) for verb, status in deeds.statuses if status >= 400}
    assert refused <= {("book", 409), ("move", 409), ("cancel", 409)}, deeds.statuses


def test_bookings_moves_and_cancels_at_random_keep_every_rule_at_every_moment(hotel: Hotel) -> None:
    made = hotel.offer(vouchers=3, batches=8, capacity=2, duration_minutes=90, max_per_guest=3)
    truth = Truth(hotel.database_url)
    samples = 0

    def is_enough() -> bool:
        nonlocal samples
        assert truth.read([made["offer"]]).faults() == []
        samples += 1
        return bool(deeds.errors) or (samples > 20 and len(deeds) > MANY_DEEDS and deeds.are_enough)

    with no_trouble(hotel):
        with wandering(hotel, made) as deeds:
            until(is_enough, progress=lambda: deeds.pressed, what="guests' deeds")
        stored = read(hotel, made)
    assert deeds.missing_in(stored) == []
    assert len(stored.bookings) == len(deeds.booked)


def test_nothing_acknowledged_is_lost_when_workers_are_killed_under_load(hotel: Hotel) -> None:
    made = hotel.offer(vouchers=3, batches=8, capacity=2, duration_minutes=90, max_per_guest=3)
    truth = Truth(hotel.database_url)
    with no_trouble(hotel):
        with wandering(hotel, made, patient=True) as deeds:
            for _round in range(2):
                enough = len(deeds) + 12
                until(
                    lambda n=enough: len(deeds) > n or deeds.errors,
                    progress=lambda: deeds.pressed,
                    what="guests' deeds",
                )
                workers = hotel.portal.workers()
                killed = hotel.portal.kill_a_worker()
                assert truth.read([made["offer"]]).faults() == []
                until(
                    lambda w=workers, k=killed: hotel.portal.workers() - w and k not in hotel.portal.workers()
                )
            enough = len(deeds) + 12
            until(
                lambda: len(deeds) > enough or deeds.errors,
                progress=lambda: deeds.pressed,
                what="guests' deeds after the last kill",
            )
        stored = read(hotel, made)
    assert deeds.missing_in(stored) == []
    # A press without an answer, pressed again, has made no second booking.
    assert len(stored.bookings) == len(deeds.booked)


def test_two_sweeps_at_once_expire_each_voucher_once_while_guests_book(hotel: Hotel) -> None:
    made = hotel.offer(vouchers=400, batches=4, due=350, capacity=3, max_per_guest=3)
    with no_trouble(hotel):
        # The wanderers' single vouchers are the first of each batch: those that are due.
        with wandering(hotel, made, number=8) as deeds:
            until(lambda: deeds.booked or deeds.errors, progress=lambda: deeds.pressed, what="a booking")
            sweeps = [
                subprocess.Popen(
                    [sys.executable, "manage.py", "expire_vouchers"],
                    cwd=ROOT,
                    env=environment(hotel.database_url),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
                for _number in range(2)
            ]
            said = [sweep.communicate(timeout=WAIT_SECONDS)[0] for sweep in sweeps]
        stored = read(hotel, made)
    assert [sweep.returncode for sweep in sweeps] == [0, 0], said
    assert sum(int(words.split()[0]) for words in said) == 4 * 350
    due = {key for ids in made["vouchers"] for key in ids[:350]}
    assert Counter(row["subject_id"] for row in stored.events_of("expire")) == Counter(due)
    assert {stored.vouchers[key]["status"] for key in due} == {"expired"}


def test_a_voucher_that_is_withdrawn_while_its_guest_books_has_no_booking_left(hotel: Hotel) -> None:
    made = hotel.offer(vouchers=CROWD, capacity=CROWD)
    vouchers = made["vouchers"][0]
    crowd = hotel.strangers(CROWD)
    forms = open_forms(crowd, [(voucher, hotel.slot()) for voucher in vouchers])
    presses = [lambda b=b, f=f: b.press(f) for b, f in zip(crowd, forms, strict=True)]
    with no_trouble(hotel):
        *answers, outcomes = at_once([*presses, lambda: hotel.clerk.ask("withdraw", vouchers=vouchers)])
    assert set(outcomes) == {"withdrawn"}
    assert set(statuses(answers)) <= {303, 409}
    stored = read(hotel, made)
    assert {row["status"] for row in stored.vouchers.values()} == {"cancelled"}
    assert stored.standing == []
    assert sorted(stored.bookings) == sorted(answer.booking_id for answer in answers if answer.status == 303)
    assert len(stored.events_of("withdraw")) == CROWD


# SQLite has one writer at a time: there, nothing can overtake it.
@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_cancel_that_was_overtaken_leaves_the_guests_newer_booking_alone(hotel: Hotel) -> None:
    import psycopg

    made = hotel.offer(vouchers=1, capacity=CROWD)
    voucher = made["vouchers"][0][0]
    guest = hotel.guests(1)[0]
    old = guest.press(guest.booking_form(voucher, hotel.slot())).booking_id
    waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
    with (
        psycopg.connect(hotel.database_url) as other,
        psycopg.connect(hotel.database_url, autocommit=True) as watch,
    ):
        other.execute("SELECT 1 FROM vouchers_voucher WHERE id = %s FOR UPDATE", [voucher])
        pressed = threading.Thread(target=guest.change, args=(old, "cancel"))
        pressed.start()
        until(lambda: watch.execute(waiting).fetchone(), what="the cancel to wait for the voucher")
        # Meanwhile the guest cancels in another tab and books the same voucher again.
        other.execute(
            "UPDATE bookings_booking SET status = 'cancelled', cancelled_at = now() WHERE id = %s", [old]
        )
        other.execute(
            "INSERT INTO bookings_booking SELECT (jsonb_populate_record(row, %s)).* "
            "FROM bookings_booking row WHERE id = %s",
            ['{"id": "b-newer", "status": "booked", "cancelled_at": null, "form_key": null}', old],
        )
        other.commit()
        pressed.join()
    stored = Truth(hotel.database_url).read([made["offer"]])
    assert [row["id"] for row in stored.standing] == ["b-newer"]
    assert stored.vouchers[voucher]["status"] == "booked"


# That these tests can fail


def test_overbooking_is_noticed_where_the_databases_guard_is_missing(engine: Engine, tmp_path: Path) -> None:
    number = 16
    with opened(engine, "portal_unguarded", tmp_path / "log", workers=2) as hotel:
        hotel.clerk.ask("unguard")
        made = hotel.offer(vouchers=number, capacity=5)
        crowd = hotel.strangers(number)
        forms = open_forms(crowd, [(voucher, hotel.slot()) for voucher in made["vouchers"][0]])
        answers = press_at_once(crowd, forms)
        assert statuses(answers) == {303: number}
        faults = Truth(hotel.database_url).read([made["offer"]]).faults()
    assert faults == [f"{number} at once in the 5 places of {made['offer']}"]


def _lose_an_event(stored: Stored) -> None:
    stored.events.pop(stored.events_of("book")[0]["id"])


def _tell_an_event_twice(stored: Stored) -> None:
    stored.events["e-again"] = {**stored.events_of("cancel")[0], "id": "e-again"}


def _forget_to_count(stored: Stored) -> None:
    next(iter(stored.batches.values()))["open_issued"] += 1


def _leave_a_booking_on_an_issued_voucher(stored: Stored) -> None:
    stored.vouchers[stored.standing[0]["voucher_id"]]["status"] = "issued"


def _book_a_voucher_twice(stored: Stored) -> None:
    stored.bookings["b-again"] = {**stored.standing[0], "id": "b-again"}


def _book_for_someone_else(stored: Stored) -> None:
    stored.standing[0]["holder_uid"] = "thinker-0123456789ab"


def _lose_a_booking(stored: Stored) -> None:
    stored.bookings.pop(stored.standing[0]["id"])


def _move_in_secret(stored: Stored) -> None:
    stored.standing[0]["revision"] += 1


@pytest.mark.parametrize(
    "spoil",
    [
        _lose_an_event,
        _tell_an_event_twice,
        _forget_to_count,
        _leave_a_booking_on_an_issued_voucher,
        _book_a_voucher_twice,
        _book_for_someone_else,
        _lose_a_booking,
        _move_in_secret,
    ],
)
def test_every_breach_of_the_rules_is_noticed(
    a_day_at_the_hotel: Stored, spoil: Callable[[Stored], None]
) -> None:
    stored = copy.deepcopy(a_day_at_the_hotel)
    assert stored.faults() == []
    spoil(stored)
    assert stored.faults() != []


@pytest.fixture(scope="session")
def a_day_at_the_hotel(hotel: Hotel) -> Stored:
    """What is stored after two bookings, a move and a cancellation."""
    made = hotel.offer(vouchers=3, capacity=2)
    batch = made["batches"][0]
    for guest, verb in zip(hotel.guests(2), ("move", "cancel"), strict=True):
        key = guest.press(guest.booking_form(batch, hotel.slot())).booking_id
        assert guest.change(key, verb, slot=slot_id(hotel.slot(12))).status == 302
    return read(hotel, made)
