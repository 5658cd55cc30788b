"""What is measured: how each item's requests are made, and the share of the bare view it has to reach."""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.bench.load import Answer, Maker, ask
from tests.servers import HOST

TOKEN = "a" * 32
# The share that bookings, moves and cancellations have to reach.
BOOKING = {"sqlite": 0.15, "postgresql": 0.10}
Seeded = Mapping[str, Any]


@dataclass(frozen=True)
class Item:
    """One thing to measure. Items of a group are run one after the other, each on what the one before left.

    `statements` is the most that it may take, 0 where that is not bound.
    """

    name: str
    request: Maker
    share: float = 0.0
    statements: int = 0
    done: tuple[bytes, ...] = (b"200",)
    writes: bool = False
    collects: Callable[[int, Answer], object] | None = None

    def seen(self, number: int, answer: Answer) -> None:
        """Keep what later items of the group need of an answer."""
        if self.collects is not None:
            self.collects(number, answer)


class Revalidated:
    """A page that was seen before: asked whether it is another now, by what the last answer was named."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._tag = ""

    def __call__(self, _number: int) -> bytes | None:
        headers = {"If_None_Match": self._tag} if self._tag else {}
        return get(self._path, **headers)(0)

    def note(self, _number: int, answer: Answer) -> None:
        """Keep the name of a page; once a minute it is another."""
        found = re.search(rb"\r\netag: *([^\r]+)", answer.head, re.IGNORECASE)
        if found:
            self._tag = found[1].decode()


class Collected(dict[int, str]):
    """The bookings that requests of these numbers made."""

    def __call__(self, number: int, answer: Answer) -> None:
        found = re.search(rb'"booking":\{"id":"([^"]+)"', answer.body)
        if found:
            self[number] = found[1].decode()


def get(path: str, **headers: str) -> Maker:
    """Return a maker of one GET request."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    request = f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{lines}\r\n".encode()
    return lambda _number: request


def fragment(path: str, region: str) -> Maker:
    """Return a maker of one htmx request."""
    return get(path, HX_Request="true", HX_Target=region)


def post(path: str, body: str, kind: str, **headers: str) -> bytes:
    """Return a POST request."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\n{lines}Content-Type: {kind}\r\n"
        f"Content-Length: {len(body.encode())}\r\n\r\n{body}"
    ).encode()


def pages(seeded: Seeded, port: int) -> Iterator[Item]:
    """Yield what guests look at."""
    busy, month, day = seeded["busy"], seeded["month"], seeded["day"]
    yield Item("portal page, 20 cards", get("/"), 0.10, 8)
    again = Revalidated("/")
    again.note(0, ask(port, get("/")(0) or b""))
    yield Item("portal page, unchanged", again, 0.30, done=(b"304", b"200"), collects=again.note)
    for name, query in (
        ("issued", {"status": "issued"}),
        ("consumed", {"status": "consumed"}),
        ("hotel", {"hotel": seeded["hotel"]}),
        ("service", {"service": seeded["service"]}),
        ("words", {"q": seeded["word"]}),
        ("newest", {"sort": "newest"}),
    ):
        yield Item(f"list, {name}", fragment(f"/?{urlencode(query)}", "voucher-list"), 0.12)
    yield Item("list, deep page", fragment(_deep(port), "voucher-list"), 0.12)
    calendar = fragment(f"/?voucher={busy}&month={month}", "slot-calendar")
    yield Item("calendar month, busy offer", calendar, 0.12, 4)
    yield Item("day's slots", fragment(f"/?voucher={busy}&day={day}", "day-slots"), 0.15)


def _deep(port: int) -> str:
    """Walk to the 30th page of the list, or its last."""
    path = "/?status=issued"
    for _page in range(30):
        answer = ask(port, fragment(path, "voucher-list")(0) or b"")
        found = re.search(rb'[?&;]after=([^"&]+)', answer.body)
        if not found:
            break
        path = f"/?status=issued&after={found[1].decode()}"
    return path


def api_reads(seeded: Seeded) -> Iterator[Item]:
    """Yield what systems read."""
    key = {"X_TS_APIKEY": seeded["key"]}
    yield Item("API list, 50 vouchers", get("/api/voucher/list?limit=50", **key), 0.12)
    yield Item("API slots, 744", get(f"/api/slots/available?voucher_id={seeded['whole']}", **key), 0.25)


def presence(seeded: Seeded) -> Iterator[Item]:
    """Yield what browsers of guests who are online ask."""
    guests = seeded["guests"]
    for verb, share, statements in (("heartbeat", 0.30, 1), ("match", 0.25, 0)):
        requests = [
            post(
                f"/api/presence/{verb}",
                json.dumps({"thinker_id": guest["uid"], "pair_code": guest["code"]}),
                "application/json",
                Cookie=f"guest={guest['cookie']}",
            )
            for guest in guests
        ]
        yield Item(verb, _in_turn(requests), share, statements)


def _in_turn(requests: list[bytes]) -> Maker:
    return lambda number: requests[number % len(requests)]


def reset(port: int) -> None:
    """Take back what was booked, moved and cancelled, so that it can be again."""
    answer = ask(port, post("/bench/reset/", "", "text/plain"))
    if answer.status != b"200":
        raise RuntimeError(f"reset: {answer}")


def bookings(seeded: Seeded) -> list[Item]:
    """Return booking, moving and cancelling by JSON: each on the pool that the one before has left."""
    slots, pool, share = seeded["slots"], seeded["pool"], BOOKING[seeded["engine"]]
    booked = Collected()

    def write(verb: str, body: Mapping[str, object]) -> bytes:
        key = f"{verb}-{time.time_ns()}"
        text = json.dumps(body)
        told = {"X_TS_APIKEY": seeded["key"], "Idempotency_Key": key}
        return post(f"/api/voucher/{verb}", text, "application/json", **told)

    def book(number: int) -> bytes | None:
        if number >= len(pool):
            return None
        guest = {"holder_uid": f"thinker-{number:012x}", "name": "Ann", "email": f"g{number}@guest.example"}
        slot = slots[number % len(slots)]
        return write("book", {"voucher_id": pool[number], "slot_id": slot, **guest})

    def move(number: int) -> bytes | None:
        slot = slots[(number + 7) % len(slots)]
        return write("move", {"booking_id": booked[number], "slot_id": slot}) if number in booked else None

    def cancel(number: int) -> bytes | None:
        return write("cancel", {"booking_id": booked[number]}) if number in booked else None

    return [
        Item("booking, JSON", book, share, writes=True, collects=booked),
        Item("move, JSON", move, share, writes=True),
        Item("cancel, JSON", cancel, share, writes=True),
    ]


def form_bookings(seeded: Seeded) -> list[Item]:
    """Return booking by the portal's form, each of another guest."""
    slots, rooms = seeded["slots"], seeded["rooms"]
    most = len(seeded["pool"])

    def book(number: int) -> bytes | None:
        place = urlencode({"voucher": rooms[number % len(rooms)], "slot": slots[number % len(slots)]})
        typed = {"csrfmiddlewaretoken": TOKEN, "name": "Ann", "email": f"f{number}@guest.example"}
        request = post(
            f"/?{place}", urlencode(typed), "application/x-www-form-urlencoded", Cookie=f"csrftoken={TOKEN}"
        )
        return request if number < most else None

    share = round(0.8 * BOOKING[seeded["engine"]], 3)
    return [Item("booking, form", book, share, done=(b"303",), writes=True)]


def admin(seeded: Seeded) -> Iterator[Item]:
    """Yield what staff look at."""
    session = {"Cookie": f"sessionid={seeded['session']}"}
    yield Item("admin, list of vouchers", get("/admin/vouchers/voucher/", **session))
    yield Item("admin, list of bookings", get("/admin/bookings/booking/", **session))


def groups(seeded: Seeded, port: int) -> Iterator[list[Item]]:
    """Yield everything that is measured."""
    for some in (pages(seeded, port), api_reads(seeded), presence(seeded), admin(seeded)):
        yield from ([item] for item in some)
    yield bookings(seeded)
    yield form_bookings(seeded)
