"""Measure what a web worker holds after an hour of load: python -m tests.bench.memory.

Usage: python -m tests.bench.memory [--engine sqlite|postgresql] [--vouchers 100000] [--minutes 60]
       [--per-second 10] [--workers 2]

Every item of the benchmark in turn, a few requests of each, at a pace at which no worker reaches the
20,000 requests after which gunicorn renews it (gunicorn.conf.py). Each minute a line is printed: what each
worker holds resident in MB (RSS), and the process ids, which stay the same when nothing was renewed.
Ends with 1 when one held more than 150 MB.
"""

import argparse
import contextlib
import os
import re
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from tests.bench.items import Collected, Item, Seeded, groups, reset
from tests.bench.load import ask
from tests.bench.run import SETTINGS, database, seed
from tests.servers import ROOT, Portal, portal

MOST_MB = 150
_AT_ONCE = 5


def resident_mb(pids: Collection[int]) -> dict[int, float]:
    """Return the resident memory of processes in MB (Linux tells); one that has just ended has none."""
    held = {}
    for pid in sorted(pids):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if told := re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text()):
                held[pid] = int(told[1]) / 1024
    return held


def rounds(port: int, seeded: Seeded) -> Iterator[tuple[Item, int]]:
    """Return for ever which item is asked next, and its request's number."""
    while True:
        for group in groups(seeded, port):
            for item in group:
                if isinstance(item.collects, Collected):
                    item.collects.clear()
            for item in group:
                for number in range(_AT_ONCE):
                    yield item, number
            if any(item.writes for item in group):
                reset(port)


def load(server: Portal, seeded: Seeded, *, minutes: float, per_second: float) -> float:
    """Ask at a pace for so long, and print what the workers hold; returns the most that one held, in MB."""
    began = told = time.monotonic()
    most, sent = 0.0, 0
    for item, number in rounds(server.port, seeded):
        now = time.monotonic()
        is_over = now - began >= minutes * 60
        if is_over or now - told >= 60:
            told = now
            held = resident_mb(server.workers())
            most = max(most, *held.values())
            words = "  ".join(f"{pid}: {mb:.0f} MB" for pid, mb in held.items())
            print(f"{(now - began) / 60:5.0f} min {sent:7} requests  {words}", flush=True)
        if is_over:
            break
        time.sleep(max(0.0, began + sent / per_second - now))
        request = item.request(number)
        if request is None:
            continue
        answer = ask(server.port, request)
        sent += 1
        if answer.status not in item.done:
            raise RuntimeError(f"{item.name}: {answer}\n{server.log()[-3000:]}")
        item.seen(number, answer)
    return most


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="postgresql")
    parser.add_argument("--vouchers", type=int, default=100_000)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--per-second", type=float, default=10)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    os.environ.setdefault("SECRET_KEY", "only-for-the-benchmark-" + "0" * 40)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        kept = stack.enter_context(database(options.engine, folder))
        seeded = seed(kept.url, options.vouchers, ROOT)
        server = stack.enter_context(
            portal(kept.url, folder / "gunicorn.log", workers=options.workers, **SETTINGS)
        )
        most = load(server, seeded, minutes=options.minutes, per_second=options.per_second)
    print(f"The most that a worker held: {most:.0f} MB (at most {MOST_MB}).")
    return int(most > MOST_MB)


if __name__ == "__main__":
    sys.exit(main())
