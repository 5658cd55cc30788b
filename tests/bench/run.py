"""Measure the portal: requests per second of each item as a share of a bare view's in the same run.

Usage: python -m tests.bench.run [--vouchers 100000] [--engine sqlite|postgresql|both] [--seconds 3]
       [--rounds 3]

Two gunicorn workers with four threads; eight connections that stay open. Every item is measured
between two measurements of the bare view, in turn, for several rounds; the median share counts.
"""

import argparse
import contextlib
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from tests.servers import HOST, ROOT, environment, manage, portal, postgresql, postgresql_binaries

SETTINGS = {"DJANGO_SETTINGS_MODULE": "tests.bench.settings"}
CONNECTIONS = 8
TOKEN = "a" * 32
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Item:
    """One thing to measure: how its requests are made, and the share that it has to reach."""

    name: str
    share: float
    request: Callable[[int], bytes]


def get(path: str, **headers: str) -> Callable[[int], bytes]:
    """Return a maker of one GET request."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    request = f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{lines}\r\n".encode()
    return lambda _number: request


def fragment(path: str, region: str) -> Callable[[int], bytes]:
    """Return a maker of one htmx request."""
    return get(path, HX_Request="true", HX_Target=region)


def booking(seeded: dict[str, object]) -> Callable[[int], bytes]:
    """Return a maker of booking forms, each of another guest, over all slots in turn."""
    slots = list(seeded["slots"])  # type: ignore[call-overload]
    salt = f"{time.time():.0f}"

    def make(number: int) -> bytes:
        place = urlencode({"voucher": seeded["room"], "slot": slots[number % len(slots)]})
        body = urlencode(
            {
                "csrfmiddlewaretoken": TOKEN,
                "name": "Ann",
                "email": f"g{number}.{salt}@guest.example",
            }
        )
        return (
            f"POST /?{place} HTTP/1.1\r\nHost: {HOST}\r\nCookie: csrftoken={TOKEN}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    return make


class Load:
    """Eight connections that send one request after the other, for a while."""

    def __init__(self, port: int, make: Callable[[int], bytes]) -> None:
        self._port = port
        self._make = make
        self._numbers = iter(range(10**9))
        self._lock = threading.Lock()
        self.statuses: dict[bytes, int] = {}
        self.times: list[float] = []

    def run(self, seconds: float) -> float:
        """Send for so long; returns the requests per second."""
        begin = time.perf_counter()
        threads = [
            threading.Thread(target=self._client, args=(begin + seconds,)) for _each in range(CONNECTIONS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return len(self.times) / (time.perf_counter() - begin)

    def _client(self, until: float) -> None:
        link = socket.create_connection((HOST, self._port), timeout=60)
        times, statuses = [], {}
        while time.perf_counter() < until:
            with self._lock:
                number = next(self._numbers)
            began = time.perf_counter()
            link.sendall(self._make(number))
            status, keeps = _answer(link)
            times.append(time.perf_counter() - began)
            statuses[status] = statuses.get(status, 0) + 1
            if not keeps:
                link.close()
                link = socket.create_connection((HOST, self._port), timeout=60)
        link.close()
        with self._lock:
            self.times += times
            for status, count in statuses.items():
                self.statuses[status] = self.statuses.get(status, 0) + count


def _answer(link: socket.socket) -> tuple[bytes, bool]:
    """Read one answer; returns its status and whether the connection stays open."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += (piece := link.recv(65536))
        if not piece:
            raise ConnectionError("The server closed the connection without an answer.")
    head, _, rest = data.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    missing = (int(length[1]) if length else 0) - len(rest)
    while missing > 0:
        missing -= len(piece := link.recv(65536))
        if not piece:
            break
    return head[9:12], b"connection: close" not in head.lower()


def items(seeded: dict[str, object]) -> list[Item]:
    """Return what is measured, and the shares that are aimed at."""
    busy, month, day = seeded["busy"], seeded["month"], seeded["day"]
    return [
        Item("portal page, 20 cards", 0.10, get("/")),
        Item("list fragment", 0.12, fragment("/?status=issued", "voucher-list")),
        Item(
            "calendar month, busy offer", 0.12, fragment(f"/?voucher={busy}&month={month}", "slot-calendar")
        ),
        Item("day's slots", 0.15, fragment(f"/?voucher={busy}&day={day}", "day-slots")),
        Item("booking by the form", 0.10, booking(seeded)),
    ]


def measure(database_url: str, options: argparse.Namespace, folder: Path) -> None:
    """Measure every item on one database."""
    manage(database_url, "migrate", "--verbosity=0")
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.seed", str(options.vouchers)],
        cwd=ROOT,
        env=environment(database_url, **SETTINGS),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    seeded = json.loads(done.stdout)
    with portal(database_url, folder / "server.log", workers=2, **SETTINGS) as server:
        bare = get("/bare/")
        Load(server.port, bare).run(1)
        for item in items(seeded):
            shares, rates = [], []
            Load(server.port, item.request).run(1)
            for _round in range(options.rounds):
                before = Load(server.port, bare).run(options.seconds)
                load = Load(server.port, item.request)
                rate = load.run(options.seconds)
                after = Load(server.port, bare).run(options.seconds)
                rates.append(rate)
                shares.append(rate / ((before + after) / 2))
                wrong = {status for status in load.statuses if status not in (b"200", b"303")}
                if wrong:
                    raise RuntimeError(f"{item.name}: answers {load.statuses}\n{server.log()[-2000:]}")
            times = sorted(load.times)
            p95 = times[int(len(times) * 0.95)] * 1000
            share = statistics.median(shares)
            print(
                f"{item.name:28} {statistics.median(rates):8.0f}/s  p95 {p95:6.1f} ms  "
                f"share of bare {share:.3f} ({min(shares):.3f}–{max(shares):.3f}), aim {item.share:.2f}",
                flush=True,
            )
        print(f"{'bare view':28} {before:8.0f}/s", flush=True)


@contextlib.contextmanager
def database(engine: str, folder: Path) -> Iterator[str]:
    """Provide an empty database."""
    if engine == "sqlite":
        yield f"sqlite:///{folder / 'bench.sqlite3'}"
        return
    binaries = postgresql_binaries()
    if binaries is None:
        raise SystemExit("PostgreSQL is not installed.")
    with postgresql(binaries) as cluster:
        yield cluster.url()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--vouchers", type=int, default=100_000)
    parser.add_argument("--engine", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    os.environ.setdefault("SECRET_KEY", "only-for-the-benchmark-" + "0" * 40)
    engines = ("sqlite", "postgresql") if options.engine == "both" else (options.engine,)
    for engine in engines:
        with tempfile.TemporaryDirectory() as name, database(engine, Path(name)) as url:
            print(f"\n{engine}, {options.vouchers} vouchers", flush=True)
            measure(url, options, Path(name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
