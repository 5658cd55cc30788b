"""Who is online, and the one room of a party: a hundred processes ask at once, whatever dies meanwhile."""

import fcntl
import json
import select
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.engines import Engine
from tests.races.conftest import Hotel, opened, standing_clock
from tests.servers import HOST, WAIT_SECONDS, Portal, portal, redis

ALL = range(100)
MANY = {"API_WRITES_PER_MINUTE": "1000000", "PRESENCE_PER_MINUTE": "1000000"}

# A guest's browser as a process of its own: it is told what to ask, says that it is ready, and asks
# as soon as nobody holds the gate. What `verify` gives it, identity and cookie, it sends from then on.
_GUEST = """
import fcntl, http.client, json, sys
_command, host, gate, token = sys.argv
gate, headers, own = open(gate), {"Content-Type": "application/json"}, {}
def ask(port, verb, body):
    told = {"token": token} if verb == "verify" else {**body, **own}
    connection = http.client.HTTPConnection(host, port, timeout=120)
    try:
        connection.request("POST", f"/api/presence/{verb}", json.dumps(told), headers)
        response = connection.getresponse()
        content = json.loads(response.read())
    except (OSError, ValueError, http.client.HTTPException) as error:
        return {"status": 0, "error": repr(error)}
    finally:
        connection.close()
    if verb == "verify" and response.status == 200:
        headers["Cookie"] = response.headers["Set-Cookie"].split(";")[0]
        own["thinker_id"] = content["thinker_id"]
    return {"status": response.status, **content}
for line in sys.stdin:
    call = json.loads(line)
    print("ready", flush=True)
    fcntl.flock(gate, fcntl.LOCK_SH)
    fcntl.flock(gate, fcntl.LOCK_UN)
    print(json.dumps(ask(*call)), flush=True)
"""


class Guests:
    """A hundred processes that ask at the same moment; their identities are good on every server."""

    def __init__(self, gate: Path) -> None:
        gate.touch()
        self._gate = gate.open()
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-c", _GUEST, HOST, str(gate), f"token-{number}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in ALL
        ]
        self.uids: list[str] = []

    def verify(self, server: Portal) -> None:
        """Let each guest prove who they are."""
        answers = self.ask(server, "verify")
        assert {answer["status"] for answer in answers} == {200}, answers
        self.uids = [answer["thinker_id"] for answer in answers]

    def match(self, server: Portal, code: str, *guests: int) -> list[str | None]:
        """Let some guests, or all, look for their party at once; returns the rooms that they are told."""
        answers = self.ask(server, "match", guests or ALL, pair_code=code)
        assert {answer["status"] for answer in answers} == {200}, answers
        return [answer["room_id"] for answer in answers]

    def ask(
        self,
        server: Portal,
        verb: str,
        guests: Sequence[int] = ALL,
        meanwhile: Callable[[], Any] = lambda: None,
        **body: str,
    ) -> list[dict[str, Any]]:
        """Let guests ask at once, and do something when the first is answered; status 0 is for no answer."""
        chosen = [self._processes[guest] for guest in guests]
        fcntl.flock(self._gate, fcntl.LOCK_EX)
        for process in chosen:
            assert process.stdin is not None
            process.stdin.write(json.dumps([server.port, verb, body]) + "\n")
            process.stdin.flush()
        assert {self._hear(process) for process in chosen} == {"ready\n"}
        fcntl.flock(self._gate, fcntl.LOCK_UN)
        # Each has said one line that was read: what there is to read now is an answer.
        if not select.select([process.stdout for process in chosen], [], [], WAIT_SECONDS)[0]:
            raise TimeoutError("Nobody was answered.")
        meanwhile()
        return [json.loads(self._hear(process)) for process in chosen]

    def _hear(self, process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        return process.stdout.readline()

    def stop(self) -> None:
        """End the processes."""
        for process in self._processes:
            process.communicate(timeout=WAIT_SECONDS)
        self._gate.close()


@pytest.fixture(scope="session")
def guests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guests]:
    made = Guests(tmp_path_factory.mktemp("guests") / "gate")
    yield made
    made.stop()


@dataclass
class House:
    """Two web servers on one database, and on one Redis where that keeps who is online."""

    hotel: Hotel
    second: Portal
    env: dict[str, str]

    @property
    def first(self) -> Portal:
        return self.hotel.portal


@pytest.fixture(scope="module", params=["database", "redis"])
def house(
    request: pytest.FixtureRequest, engine: Engine, guests: Guests, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    logs = tmp_path_factory.mktemp("log")
    with ExitStack() as stack:
        env = {**MANY, **standing_clock()}
        if request.param == "redis":
            env["REDIS_URL"] = stack.enter_context(redis())[0]
        hotel = stack.enter_context(opened(engine, f"portal_kept_in_{request.param}", logs / "a.log", **env))
        second = stack.enter_context(portal(hotel.database_url, logs / "b.log", workers=2, **env))
        guests.verify(hotel.portal)
        assert len(set(guests.uids)) == len(ALL)
        yield House(hotel, second, env)
        for log in ("a.log", "b.log"):
            assert "Traceback" not in (logs / log).read_text()


def all_meet(hotel: Hotel, guests: Guests, server: Portal, code: str) -> str:
    """Let everyone look for their party twice; returns the one room that all of them are in."""
    found = guests.match(server, code)
    # Each is noted before they look: of two who see nobody, the later one would have seen the other.
    assert found.count(None) <= 1
    (room,) = set(found) - {None}
    assert room is not None
    assert guests.match(server, code) == [room] * len(ALL)
    (stored,) = hotel.clerk.ask("rooms", pair_code=code)
    assert room == stored["public_id"]
    assert stored["is_open"]
    assert stored["members"] == stored["told"] == sorted(guests.uids)
    return room


def test_a_hundred_processes_that_ask_at_once_are_told_one_room(house: House, guests: Guests) -> None:
    room = all_meet(house.hotel, guests, house.first, "AT-ONCE")
    assert set(guests.match(house.second, "AT-ONCE")) == {room}
    # Another party has another room, whoever is in it.
    assert all_meet(house.hotel, guests, house.second, "ANOTHER") != room


@pytest.mark.sample
def test_who_is_online_through_one_server_is_seen_through_the_other(house: House, guests: Guests) -> None:
    code = "TWO-SERVERS"
    guests.ask(house.first, "heartbeat", [0], pair_code=code)
    (room,) = guests.match(house.second, code, 1)
    assert room is not None
    assert guests.match(house.first, code, 0) == [room]
    guests.ask(house.first, "heartbeat", [0], status="offline")
    assert guests.match(house.second, code, 1) == [None]
    # Back again, with the code from before.
    guests.ask(house.second, "heartbeat", [0])
    assert guests.match(house.first, code, 1) == [room]


def test_presence_and_rooms_outlive_a_restart(house: House, guests: Guests, tmp_path: Path) -> None:
    def served(name: str) -> Any:
        return portal(house.hotel.database_url, tmp_path / f"{name}.log", workers=2, **house.env)

    with served("before") as server:
        guests.ask(server, "heartbeat", [0], pair_code="RESTART")
        (room,) = guests.match(server, "RESTART", 1)
        assert room is not None
        guests.ask(server, "heartbeat", [2], pair_code="WAITING")
    with served("after") as server:
        assert guests.match(server, "RESTART", 0, 1, 3) == [room] * 3
        # Who has only waited is still seen.
        assert guests.match(server, "WAITING", 3) != [None]


def test_a_worker_that_is_killed_takes_nobodys_presence_and_no_room_with_it(
    house: House, guests: Guests
) -> None:
    def kill() -> None:
        house.first.kill_a_worker()

    answers = guests.ask(house.first, "match", meanwhile=kill, pair_code="KILLED")
    assert {answer["status"] for answer in answers} <= {0, 200}
    told = {answer["room_id"] for answer in answers if answer["status"]} - {None}
    room = all_meet(house.hotel, guests, house.first, "KILLED")
    assert told <= {room}


def test_when_redis_dies_the_database_goes_on_with_the_same_room(
    engine: Engine, guests: Guests, tmp_path: Path
) -> None:
    env = {**MANY, **standing_clock()}
    with (
        redis() as (url, dying),
        opened(engine, "portal_redis_dies", tmp_path / "gunicorn.log", REDIS_URL=url, **env) as hotel,
    ):
        server = hotel.portal
        guests.verify(server)
        room = all_meet(hotel, guests, server, "REDIS-DIES")

        def kill() -> None:
            dying.kill()
            dying.wait()

        answers = guests.ask(server, "match", meanwhile=kill, pair_code="REDIS-DIES")
        assert {answer["status"] for answer in answers} == {200}, answers
        assert {answer["room_id"] for answer in answers} <= {room, None}
        assert all_meet(hotel, guests, server, "REDIS-DIES") == room
        assert all_meet(hotel, guests, server, "WITHOUT-REDIS") != room
        # Each worker says it once, and once more if an answer from before came in behind the bad news.
        assert 1 <= server.log().count("Redis is away") - server.log().count("Redis is back") <= 4
        assert "Traceback" not in server.log()
