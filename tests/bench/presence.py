"""Measure presence: the load of 2,000 guests, what many others cost, and shares of a bare view.

Usage: python -m tests.bench.presence [--engine sqlite|postgresql|redis|all] [--seconds 20]

Two gunicorn workers with four threads. Load: 2,000 guests in parties of two come over 25 seconds,
each with a heartbeat every 25 s and a match every 5 s; then it is measured. Shares: eight connections
that stay open, each between two measurements of the bare view, in turn. Growth: one connection, in
turn where 100 guests are online and where 100,000 are. `redis` keeps who is online in Redis, and
everything else in PostgreSQL.
"""

import argparse
import asyncio
import contextlib
import gc
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench import open_loop
from tests.bench.items import get
from tests.bench.load import Load, connect, read
from tests.bench.open_loop import Due, Used, tell_latencies
from tests.bench.run import SETTINGS, database
from tests.servers import HOST, ROOT, Portal, environment, manage, portal, redis

GUESTS = 2000
COMING_SECONDS = 25
EVERY_SECONDS = {"heartbeat": 25, "match": 5}
AIM_P95_MS = 50
SHARES = {"heartbeat": 0.30, "match": 0.25}
FEW, MANY, ASKING = 100, 100_000, 400
AIM_GROWTH = 1.25
ROUNDS, ROUND_SECONDS = 5, 2.0
_FILL = "import django; django.setup(); from tests.bench.presence import fill; fill({number})"


def uid_of(number: int) -> str:
    return f"thinker-{number:012x}"


def code_of(number: int) -> str:
    return f"PARTY-{number // 2:06d}"


def fill(number: int) -> None:
    """Let so many guests be online where this process' environment says."""
    from django.conf import settings
    from django.db import connection
    from django.utils import timezone

    from presence import store
    from presence.models import Presence

    now = timezone.now()
    people = [Presence(uid=uid_of(each), pair_code=code_of(each)) for each in range(number)]
    if settings.REDIS_URL:
        for person in people:
            store.beat(person.uid, pair_code=person.pair_code, status="online", now=now)
        return
    for person in people:
        person.status, person.last_seen, person.minute, person.used = "online", now, 0, 1
    Presence.objects.bulk_create(people, batch_size=500)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def requests_of(number: int) -> dict[str, bytes]:
    """Return what a guest's browser sends, by verb, with a cookie that is signed here."""
    from django.http import HttpResponse

    from presence.browser import COOKIE, remember_guest

    response = HttpResponse()
    remember_guest(response, uid_of(number))
    cookie = response.cookies[COOKIE].value
    body = f'{{"thinker_id": "{uid_of(number)}", "pair_code": "{code_of(number)}"}}'
    return {
        verb: (
            f"POST /api/presence/{verb} HTTP/1.1\r\nHost: {HOST}\r\nCookie: {COOKIE}={cookie}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()
        for verb in EVERY_SECONDS
    }


# Load


def plan(until: float) -> list[Due]:
    """Return everything that is due before a moment, in order; each guest comes at one of their own."""
    chance = random.Random(1)
    due = []
    for number in range(GUESTS):
        requests = requests_of(number)
        comes = chance.uniform(0, COMING_SECONDS)
        for verb, seconds in EVERY_SECONDS.items():
            moment = comes if verb == "heartbeat" else comes + chance.uniform(0.05, seconds)
            while moment < until:
                due.append(Due(moment, verb, requests[verb]))
                moment += seconds
    return sorted(due)


async def load(server: Portal, seconds: float) -> None:
    """Let the guests come, then measure for so long."""
    due = plan(COMING_SECONDS + seconds)
    # What was made so far is kept: looking through it again and again would hold the load up.
    gc.freeze()
    running = open_loop.Load(server.port)
    for name in ("coming", "staying"):
        is_coming = name == "coming"
        before = Used.by(server)
        await running.send([each for each in due if (each.moment < COMING_SECONDS) is is_coming])
        used = Used.by(server).told_since(before)
        for verb, times in sorted(running.times.items()):
            tell_latencies(f"{GUESTS} {name}, {verb}", times)
        if not is_coming:
            both = [took for times in running.times.values() for took in times]
            tell_latencies(f"{GUESTS} {name}, both", both, f", aim p95 {AIM_P95_MS}")
        print(f"{'':30} errors {dict(running.errors) or 'none'}; {used}", flush=True)
    running.close()


# Shares of the bare view, and growth


def turns(requests: Sequence[bytes]) -> Callable[[int], bytes]:
    """Return a maker of requests, each guest's in turn."""
    return lambda number: requests[number % len(requests)]


def measure_shares(server: Portal) -> None:
    """Measure heartbeats and matches of guests that are here, against the bare view."""
    bare = get("/bare/")
    all_requests = [requests_of(number) for number in range(GUESTS)]
    for verb, aim in SHARES.items():
        requests = [each[verb] for each in all_requests]
        shares, rates = [], []
        for _round in range(ROUNDS):
            before = Load(server.port, bare).run(ROUND_SECONDS)
            sending = Load(server.port, turns(requests))
            rates.append(sending.run(ROUND_SECONDS))
            after = Load(server.port, bare).run(ROUND_SECONDS)
            shares.append(rates[-1] / ((before + after) / 2))
            if set(sending.statuses) != {b"200"}:
                raise RuntimeError(f"{verb}: answers {sending.statuses}\n{server.log()[-2000:]}")
        print(
            f"{verb + ', 8 connections':30} {statistics.median(rates):6.0f}/s  share of bare "
            f"{statistics.median(shares):.3f} ({min(shares):.3f}–{max(shares):.3f}), aim {aim:.2f}",
            flush=True,
        )
    print(f"{'bare view':30} {before:6.0f}/s", flush=True)


def cost(server: Portal, requests: Sequence[bytes], seconds: float) -> float:
    """Send one request after the other, each once at least; returns their median latency."""
    times: list[float] = []
    begin = time.perf_counter()
    link = connect(server.port)
    while len(times) < len(requests) or time.perf_counter() < begin + seconds:
        began = time.perf_counter()
        link.sendall(requests[len(times) % len(requests)])
        answer = read(link)
        times.append(time.perf_counter() - began)
        if answer.status != b"200":
            raise RuntimeError(f"answer {answer.status!r}\n{server.log()[-2000:]}")
        if not answer.keeps:
            link.close()
            link = connect(server.port)
    link.close()
    return statistics.median(times)


def measure_growth(few: Portal, many: Portal) -> None:
    """Compare what a match and a heartbeat cost where few guests are online and where many are."""
    chance = random.Random(2)
    firsts = [2 * number for number in chance.sample(range(MANY // 2), ASKING // 2)]
    asking = [number for first in firsts for number in (first, first + 1)]
    some = {
        server: [requests_of(number) for number in numbers]
        for server, numbers in ((few, range(FEW)), (many, asking))
    }
    # The match first: for the minute in which all of them are online, and might be looked through.
    for verb in ("match", "heartbeat"):
        requests = {server: [each[verb] for each in made] for server, made in some.items()}
        for server in (few, many):
            cost(server, requests[server], 0)
        pairs = [
            (cost(few, requests[few], ROUND_SECONDS), cost(many, requests[many], ROUND_SECONDS))
            for _round in range(ROUNDS)
        ]
        ratios = [after / before for before, after in pairs]
        before, after = (statistics.median(costs) * 1000 for costs in zip(*pairs, strict=True))
        print(
            f"{verb + ', 1 connection':30} {before:.2f} ms with {FEW} online, {after:.2f} ms with {MANY}: "
            f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f}), aim {AIM_GROWTH}",
            flush=True,
        )


@dataclass
class Stores:
    """Where presence can be kept: new databases on one server, each with a Redis of its own if wanted."""

    url: str
    redis_url: str
    folder: Path
    number: int = 0

    @contextlib.contextmanager
    def portal(self, online: int = 0, **env: str) -> Iterator[Portal]:
        """Serve a portal of its own, where so many guests are online."""
        self.number += 1
        name = f"bench_{self.number}"
        url = another(self.url, name)
        env = {**SETTINGS, **env}
        if self.redis_url:
            env["REDIS_URL"] = f"{self.redis_url.rpartition('/')[0]}/{self.number}"
        manage(url, "migrate", "--verbosity=0")
        if online:
            command = [sys.executable, "-c", _FILL.format(number=online)]
            subprocess.run(command, cwd=ROOT, env=environment(url, **env), check=True)
        with portal(url, self.folder / f"{name}.log", workers=2, **env) as server:
            yield server


def another(url: str, name: str) -> str:
    """Return the address of a new database beside one that there is."""
    beside = url.rpartition("/")[0]
    if url.startswith("sqlite"):
        return f"{beside}/{name}.sqlite3"
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{beside}/{name}"


@contextlib.contextmanager
def stores(engine: str) -> Iterator[Stores]:
    """Provide where presence is kept on one engine."""
    if engine == "redis" and shutil.which("redis-server") is None:
        raise SystemExit("Redis is not installed.")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(database("sqlite" if engine == "sqlite" else "postgresql", folder)).url
        redis_url = stack.enter_context(redis())[0] if engine == "redis" else ""
        yield Stores(url, redis_url, folder)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    engines = ("sqlite", "postgresql", "redis")
    parser.add_argument("--engine", choices=(*engines, "all"), default="all")
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    # The cookies are signed in this process, with the servers' key.
    os.environ.setdefault("SECRET_KEY", "only-for-the-benchmark-" + "0" * 40)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS["DJANGO_SETTINGS_MODULE"])
    os.environ["PLAIN_HTTP"] = "1"
    for engine in engines if options.engine == "all" else (options.engine,):
        print(f"\n{engine}", flush=True)
        with stores(engine) as kept:
            with kept.portal() as server:
                asyncio.run(load(server, options.seconds))
                measure_shares(server)
            # Few guests ask more often than any browser does.
            often = {"PRESENCE_PER_MINUTE": "1000000"}
            with kept.portal(FEW, **often) as few, kept.portal(MANY, **often) as many:
                measure_growth(few, many)
    return 0


if __name__ == "__main__":
    sys.exit(main())
