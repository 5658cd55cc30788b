"""Measure the portal: each item's requests per second as a share of a bare view's in the same run.

Usage: python -m tests.bench.run [--sizes 1000,100000,1000000] [--engine sqlite|postgresql|both]
       [--only TEXT] [--seconds 1.5] [--rounds 3] [--base REVISION] [--out FILE] [--flames FOLDER]

Two gunicorn workers with four threads, as `make run` starts them; eight connections that stay open.
Every item is measured between two measurements of the bare view, in turn, for several rounds; the median
counts. With --base, a second portal runs that revision's code on a copy of the same data, and each round
measures both. `cpu` are the web workers' milliseconds for each request, `db cpu` PostgreSQL's, `sql` the
statements. With --flames, each item's flame graph is put into a folder, and a table of it is printed.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench.counting import HEADER
from tests.bench.flames import watch
from tests.bench.items import Collected, Item, Seeded, get, groups, reset
from tests.bench.limits import booking_limits
from tests.bench.load import Load, ask
from tests.bench.report import HEADINGS, Around, Measured, comparison, growth, keep
from tests.servers import (
    ROOT,
    Cluster,
    Portal,
    environment,
    manage,
    portal,
    postgresql,
    postgresql_binaries,
)

SETTINGS = {"DJANGO_SETTINGS_MODULE": "tests.bench.settings"}
_TICK = os.sysconf("SC_CLK_TCK")
_OUR_FILES = ("__init__.py", "settings.py", "urls.py", "counting.py", "script.py", "seed.py", "rows.py")


@dataclass(frozen=True)
class Database:
    """A database, and the server that has it."""

    url: str
    cluster: Cluster | None = None

    def copied(self, folder: Path) -> "Database":
        """Return a copy of it; nobody is connected to it."""
        if self.cluster is None:
            path = Path(self.url.removeprefix("sqlite:///"))
            shutil.copy(path, folder / "copy.sqlite3")
            return Database(f"sqlite:///{folder / 'copy.sqlite3'}")
        import psycopg

        name = self.url.rpartition("/")[2]
        with psycopg.connect(self.cluster.url("template1"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE bench_copy TEMPLATE {name}")
        return Database(self.cluster.url("bench_copy"), self.cluster)


@dataclass
class Side:
    """A portal that is measured."""

    server: Portal
    database: Database
    seeded: Seeded
    measured: dict[str, Measured] = field(default_factory=dict)

    def of(self, item: Item) -> Measured:
        """Return what was measured of an item so far."""
        return self.measured.setdefault(item.name, Measured(item.name, item.share, item.statements))

    def cpu(self) -> tuple[float, float]:
        """Return the processor seconds of the web workers and of the database server."""
        cluster = self.database.cluster
        return _cpu_of(self.server.pid), _cpu_of(cluster.pid) if cluster else 0.0


def _cpu_of(pid: int) -> float:
    """Return the processor seconds of a process' children, those that have ended among them."""
    pids = [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    ticks = 0
    for each in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            words = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            own = slice(11, 15) if each == pid else slice(11, 13)
            ticks += sum(int(word) for word in words[own])
    return ticks / _TICK


BARE = Item("bare view", get("/bare/"))


def measure(side: Side, group: Sequence[Item], seconds: float, *, counts: bool) -> None:
    """Measure the items of a group once, each between two measurements of the bare view."""
    port = side.server.port
    for item in group:
        if isinstance(item.collects, Collected):
            # What an earlier round has booked is gone.
            item.collects.clear()
        first = side.cpu()
        bare = [Load(port, BARE.request), Load(port, BARE.request)]
        bare[0].run(seconds / 2)
        load = Load(port, item.request, item.seen)
        cpu = side.cpu()
        load.run(seconds)
        used = tuple(after - start for after, start in zip(side.cpu(), cpu, strict=True))
        then = side.cpu()
        bare[1].run(seconds / 2)
        last = side.cpu()
        wrong = [status for status in load.statuses if status not in item.done]
        if wrong or not load.times:
            raise RuntimeError(f"{item.name}: answers {load.statuses}\n{side.server.log()[-3000:]}")
        if counts:
            around = Around(
                requests=sum(len(each.times) for each in bare),
                seconds=sum(each.seconds for each in bare),
                cpu_seconds=cpu[0] - first[0] + last[0] - then[0],
            )
            side.of(item).note(load, (used[0], used[1]), around)
            side.of(BARE).note(bare[1], (last[0] - then[0], 0.0), around)
    if any(item.writes for item in group):
        reset(port)


def look(side: Side, group: Sequence[Item]) -> None:
    """Ask once for each item, and note how many statements and bytes it took."""
    header = f"{HEADER}: 1\r\nHost:".encode()
    for item in group:
        request = item.request(0)
        assert request is not None
        answer = ask(side.server.port, request.replace(b"Host:", header, 1))
        if answer.status not in item.done:
            raise RuntimeError(f"{item.name}: {answer}\n{side.server.log()[-3000:]}")
        item.seen(0, answer)
        found = re.search(HEADER.lower().encode() + rb": *(\d+)", answer.head.lower())
        side.of(item).statements, side.of(item).bytes = int(found[1]) if found else 0, answer.size
    if any(item.writes for item in group):
        reset(side.server.port)


def draw(side: Side, group: Sequence[Item], folder: Path) -> None:
    """Draw the flame graph of each item of a group."""
    folder.mkdir(parents=True, exist_ok=True)
    port = side.server.port
    for number, item in enumerate(group):

        def run(items: Sequence[Item], seconds: float) -> None:
            for each in items:
                Load(port, each.request, each.seen).run(seconds)

        def prepare(before: Sequence[Item] = group[:number]) -> None:
            if any(each.writes for each in group):
                reset(port)
            run(before, 4)

        picture = folder / f"{re.sub('[^a-z0-9]+', '-', item.name.lower())}.svg"
        found = watch(side.server.pid, prepare, partial(run, [item]), picture)
        print("\n".join(found), flush=True)
    if any(each.writes for each in group):
        reset(port)


def facts_of(side: Side, engine: str, vouchers: int, limits: dict[str, float]) -> dict[str, Any]:
    """Return a run as it is kept."""
    items = [measured.facts for measured in side.measured.values()]
    return {"engine": engine, "vouchers": vouchers, "items": items, "limits": limits}


def measure_all(sides: Sequence[Side], options: argparse.Namespace) -> None:
    """Measure everything, the sides in turn, and print."""
    print(HEADINGS, flush=True)
    made = [list(groups(side.seeded, side.server.port)) for side in sides]
    for together in zip(*made, strict=False):
        wanted = options.only.split("|")
        if not any(text in item.name for item in together[0] for text in wanted):
            continue
        for side, group in zip(sides, together, strict=True):
            look(side, group)
            measure(side, group, 0.7, counts=False)
        for number in range(options.rounds):
            turns = list(zip(sides, together, strict=True))
            for side, group in turns if number % 2 else reversed(turns):
                measure(side, group, options.seconds, counts=True)
        for item in together[-1]:
            print(sides[-1].of(item).line(), flush=True)
        if options.flames:
            draw(sides[-1], together[-1], options.flames)
    print(sides[-1].of(BARE).line(), flush=True)
    busiest = max(measured.client_share for side in sides for measured in side.measured.values())
    print(f"This client used {busiest:.0%} of a core at most.", flush=True)


@contextlib.contextmanager
def other_tree(revision: str, folder: Path) -> Iterator[Path]:
    """Provide another revision's code, with this benchmark's views put into it."""
    tree = folder / "base"
    subprocess.run(["git", "worktree", "add", "--detach", str(tree), revision], cwd=ROOT, check=True)
    try:
        for name in _OUR_FILES:
            (tree / "tests" / "bench").mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / "tests" / "bench" / name, tree / "tests" / "bench" / name)
        env = {"STATIC_ROOT": str(folder / "static")}
        manage("sqlite://:memory:", "compile_translations", root=tree, **env)
        manage("sqlite://:memory:", "collectstatic", "--noinput", "--verbosity=0", root=tree, **env)
        yield tree
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", str(tree)], cwd=ROOT, check=True)


def seed(url: str, vouchers: int, root: Path) -> Seeded:
    """Migrate and fill a database with the code of a tree; returns what the load needs to know."""
    manage(url, "migrate", "--verbosity=0", root=root)
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.seed", str(vouchers)],
        cwd=root,
        env=environment(url, **SETTINGS),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: Seeded = json.loads(done.stdout)
    return found


def run(engine: str, vouchers: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure one engine at one size; returns the run, and before it the base's if there is one."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        kept = stack.enter_context(database(engine, folder))
        base = stack.enter_context(other_tree(options.base, folder)) if options.base else None
        print(f"\n{engine}, {vouchers} vouchers", flush=True)
        seeded = seed(kept.url, vouchers, base or ROOT)
        script = folder / "script.json"
        trees = [(ROOT, kept, {**SETTINGS, "BENCH_SCRIPT": str(script)})]
        if base is not None:
            trees.insert(0, (base, kept.copied(folder), {**SETTINGS, "STATIC_ROOT": str(folder / "static")}))
            manage(kept.url, "migrate", "--verbosity=0")
        sides = [
            Side(
                stack.enter_context(
                    portal(there.url, folder / f"{number}.log", workers=2, root=tree, **settings)
                ),
                there,
                seeded,
            )
            for number, (tree, there, settings) in enumerate(trees)
        ]
        measure_all(sides, options)
        limits = booking_limits(sides[-1].server.port, kept.url, seeded, script)
        for name, rate in limits.items():
            print(f"{name:30}{rate:8.0f}", flush=True)
        runs = [facts_of(side, engine, vouchers, limits) for side in sides]
        if base is not None:
            runs[0]["revision"] = options.base
            print("\n".join(comparison(*runs)), flush=True)
        return runs


@contextlib.contextmanager
def database(engine: str, folder: Path) -> Iterator[Database]:
    """Provide an empty database."""
    if engine == "sqlite":
        yield Database(f"sqlite:///{folder / 'bench.sqlite3'}")
        return
    binaries = postgresql_binaries()
    if binaries is None:
        raise SystemExit("PostgreSQL is not installed.")
    with postgresql(binaries) as cluster:
        yield Database(cluster.url(), cluster)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", default="100000", help="numbers of vouchers, by commas")
    parser.add_argument("--engine", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--only", default="", help="only items whose name holds one of these texts: a|b")
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--base", default="", help="a revision to measure in turn with this one")
    parser.add_argument("--flames", type=Path, help="draw flame graphs into this folder")
    parser.add_argument("--out", type=Path, default=ROOT / "var" / "bench.json")
    options = parser.parse_args()
    os.environ.setdefault("SECRET_KEY", "only-for-the-benchmark-" + "0" * 40)
    engines = ("sqlite", "postgresql") if options.engine == "both" else (options.engine,)
    runs: list[dict[str, Any]] = []
    for engine in engines:
        for size in options.sizes.split(","):
            runs += run(engine, int(size), options)
            keep(options.out, runs)
    print("\n".join(growth([each for each in runs if "revision" not in each])), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
