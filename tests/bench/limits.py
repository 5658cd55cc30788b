"""The limits of a booking: its very statements, by a bare view and by eight clients of the database alone."""

import json
import multiprocessing
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from django.db.backends.sqlite3._functions import register

from tests.bench.counting import HEADER
from tests.bench.items import Item, Seeded, bookings, post, reset
from tests.bench.load import CONNECTIONS, Load, ask
from tests.bench.script import ANSWER, Script
from tests.servers import postgresql_binaries


def record(port: int, seeded: Seeded) -> Script:
    """Book once, and return the statements that it took."""
    item: Item = bookings(seeded)[0]
    # Twice: the first one may have compiled its statements, and written down the key's use.
    for number in (1, 0):
        request = item.request(number)
        assert request is not None
        answer = ask(port, request.replace(b"Host:", f"{HEADER}: told\r\nHost:".encode(), 1))
    key = request.partition(b"Idempotency-Key: ")[2].partition(b"\r\n")[0].decode()
    reset(port)
    return Script.recorded(json.loads(answer.body), seeded, key)


def booking_limits(port: int, url: str, seeded: Seeded, script_path: Path) -> dict[str, float]:
    """Return bookings per second by a cursor in a bare view, and by eight clients of the database alone."""
    script = record(port, seeded)
    script_path.write_text(script.written())

    def make(number: int) -> bytes | None:
        is_left = number < len(script.pool)
        return post(f"/bench/cursor/?n={number}", "", "text/plain") if is_left else None

    load = Load(port, make)
    by_cursor = load.run(4)
    if set(load.statuses) != {b"200"}:
        raise RuntimeError(f"cursor view: answers {load.statuses}")
    reset(port)
    database = _by_pgbench if url.startswith("postgres") else _by_sqlite
    by_database = database(url, script)
    reset(port)
    return {"booking, bare cursor view": by_cursor, "booking, database alone": by_database}


# SQLite


def _sqlite_client(path: str, script: Script, client: int, begin: Any) -> None:
    link = sqlite3.connect(path, timeout=60, isolation_level=None)
    link.execute("PRAGMA synchronous = FULL")
    # What constraints call.
    register(link)
    begin.wait()
    for number in range(client, len(script.pool), CONNECTIONS):
        before, within = script.filled(number)
        for sql, values in before:
            link.execute(sql.replace("%s", "?"), values).fetchall()
        link.execute("BEGIN IMMEDIATE")
        given = None
        for sql, values in within:
            told = [given if one == ANSWER else one for one in values]
            rows = link.execute(sql.replace("%s", "?"), told).fetchall()
            given = rows[0][0] if "INSERT INTO access_givenanswer" in sql else given
        link.execute("COMMIT")


def _by_sqlite(url: str, script: Script) -> float:
    spawn = multiprocessing.get_context("spawn")
    begin = spawn.Barrier(CONNECTIONS + 1)
    path = url.removeprefix("sqlite:///")
    told = [(path, script, client, begin) for client in range(CONNECTIONS)]
    clients = [spawn.Process(target=_sqlite_client, args=each) for each in told]
    for client in clients:
        client.start()
    begin.wait()
    began = time.perf_counter()
    for client in clients:
        client.join()
        assert client.exitcode == 0, "a client of SQLite has failed"
    return len(script.pool) / (time.perf_counter() - began)


# PostgreSQL


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool | int | float):
        return str(value)
    # A colon would begin a variable of pgbench's, even within quotes.
    text = str(value).replace("'", "''")
    return "E'" + text.replace(":", "\\x3a") + "'" if ":" in text else f"'{text}'"


def _typed(value: Any) -> str:
    """Return a constant; JSON says so, since a text that is put together is a text for PostgreSQL."""
    is_json = isinstance(value, str) and value.startswith(('{"', "[")) and not value.startswith('{"ok"')
    return f"({_literal(value)})::jsonb" if is_json else _literal(value)


def _for_pgbench(statement: tuple[str, list[Any]]) -> str:
    """Return a statement with its constants in it, and variables where bookings differ."""
    sql, values = statement
    told = [":answer" if value == ANSWER else _typed(value) for value in values]
    text = " ".join((sql % tuple(told)).split())
    for name in _NAMES:
        text = text.replace(f"'{{{name}}}'", f":{name}").replace(f"{{{name}}}", f"' || :{name} || E'")
    lines = []
    for one in text.split("; "):
        if "INSERT INTO access_givenanswer" in one:
            lines.append(one.replace("RETURNING id", "RETURNING id AS answer") + " \\gset")
        else:
            lines.append(f"{one};")
    return "\n".join(lines)


_NAMES = ("voucher", "offer", "batch", "holder", "email", "start", "end", "booking", "event", "key", "job")


def _by_pgbench(url: str, script: Script) -> float:
    binaries = postgresql_binaries()
    assert binaries is not None
    import psycopg

    with psycopg.connect(url, autocommit=True) as link:
        columns = ", ".join(f"{name}_ text" for name in _NAMES)
        link.execute(f"CREATE TABLE bench_pool (number int PRIMARY KEY, {columns})")
        with link.cursor() as cursor, cursor.copy("COPY bench_pool FROM STDIN") as copy:
            for number in range(len(script.pool)):
                values = script.values(number)
                copy.write_row((number, *(values[name] for name in _NAMES)))
    wanted = ", ".join(f"{name}_ AS {name}" for name in _NAMES)
    lines = [
        f"\\set number :turn * {CONNECTIONS} + :client_id",
        "\\set turn :turn + 1",
        f"SELECT {wanted} FROM bench_pool WHERE number = :number \\gset",
        *map(_for_pgbench, script.before),
        "BEGIN;",
        *map(_for_pgbench, script.within),
        "COMMIT;",
    ]
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        done = subprocess.run(
            [
                str(binaries / "pgbench"),
                *("--no-vacuum", "--protocol=prepared", f"--client={CONNECTIONS}", "--jobs=2"),
                f"--transactions={len(script.pool) // CONNECTIONS}",
                *("--define=turn=0", f"--file={file.name}", url),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    with psycopg.connect(url, autocommit=True) as link:
        link.execute("DROP TABLE bench_pool")
    if done.returncode or "failed transactions: 0 " not in done.stdout:
        raise RuntimeError(f"pgbench: {done.stdout}{done.stderr}"[:3000])
    return float(done.stdout.partition("tps = ")[2].split()[0])
