"""Real servers for tests: a throwaway PostgreSQL, the portal under gunicorn, and its guests.

Everything listens on 127.0.0.1 alone and is ended by the process id that started it.
"""

import contextlib
import fcntl
import glob
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import urlencode

from bookings.slot_ids import slot_id
from tests.patience import PATIENCE_SECONDS, until
from tests.requirements import skip_or_fail

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"


# How long one answer, or the end of one process, is waited for. What takes longer is a wait that ran out.
WAIT_SECONDS = 2 * PATIENCE_SECONDS
# Below those that the kernel gives to whoever connects.
_PORTS = range(20_000, 32_000)
_taken: list[IO[str]] = []


def free_port() -> int:
    """Return a port that nobody listens on; no other process of tests is given it while this one lives."""
    folder = Path(tempfile.gettempdir()) / f"portal-test-ports-{os.geteuid()}"
    folder.mkdir(exist_ok=True)
    first = os.getpid() * 101
    for number in range(len(_PORTS)):
        port = _PORTS[(first + number) % len(_PORTS)]
        file = (folder / str(port)).open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.bind((HOST, port))
        except OSError:
            file.close()
            continue
        _taken.append(file)
        return port
    raise RuntimeError("no port is free")


def environment(database_url: str, **more: str) -> dict[str, str]:
    """Return the environment of a child process that works on this database."""
    env = {**os.environ, "DATABASE_URL": database_url, "PLAIN_HTTP": "1", "ALLOWED_HOSTS": HOST}
    env["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    return {**env, **more}


def manage(database_url: str, *command: str, root: Path = ROOT, **env: str) -> str:
    """Run a management command to its end and return what it printed."""
    done = subprocess.run(
        [sys.executable, str(root / "manage.py"), *command],
        cwd=root,
        env=environment(database_url, **env),
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_SECONDS,
    )
    assert done.returncode == 0, f"manage.py {' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


# PostgreSQL


def postgresql_binaries() -> Path | None:
    """Return the folder that holds initdb and pg_ctl; None where PostgreSQL is not installed."""
    folders: list[Path] = []
    for program in ("initdb", "pg_ctl"):
        found = shutil.which(program)
        folders += [Path(found).resolve().parent] if found else []
    if config := shutil.which("pg_config"):
        told = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        folders.append(Path(told.stdout.strip()))
    newest_first = sorted(
        glob.glob("/usr/lib/postgresql/*/bin"),  # noqa: PTH207 - Path.glob begins at a folder
        key=lambda path: float(Path(path).parent.name),
        reverse=True,
    )
    folders += [Path(path) for path in newest_first]
    return next(
        (folder for folder in folders if (folder / "initdb").is_file() and (folder / "pg_ctl").is_file()),
        None,
    )


class Cluster:
    """A PostgreSQL server of its own; `fsync` is off, since nobody needs its data tomorrow."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        # Not below pytest's own temporary folder, which nobody but its owner may enter.
        self._home = Path(tempfile.mkdtemp(prefix="portal-pg-"))
        self.port = free_port()
        # The server refuses to run as root.
        runuser = shutil.which("runuser", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or "runuser"
        self._as_user = [runuser, "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self._as_user:
            shutil.chown(self._home, "postgres")

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [*self._as_user, str(self._binaries / program), *arguments],
            cwd=self._home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=WAIT_SECONDS,
        )
        assert done.returncode == 0, f"{program}: {done.stdout}\n{self.log()}"

    @property
    def pid(self) -> int:
        """The server's process id."""
        return int((self._home / "data" / "postmaster.pid").read_text().split()[0])

    def create(self) -> None:
        """Make the cluster's files."""
        options = ("--auth=trust", "--username=portal", "--encoding=UTF8", "--locale=C", "--no-sync")
        self._run("initdb", "-D", str(self._home / "data"), *options)

    def replica(self) -> "Cluster":
        """Make a streaming replica of this running server; it is not started yet."""
        copy = Cluster(self._binaries)
        where = ("-h", HOST, "-p", str(self.port), "-U", "portal", "-D", str(copy._home / "data"))
        copy._run(
            "pg_basebackup",
            *where,
            "--wal-method=stream",
            "--checkpoint=fast",
            "--write-recovery-conf",
            "--no-sync",
        )
        return copy

    def start(self) -> None:
        """Start, and return when connections are accepted."""
        options = (
            f"-p {self.port} -c listen_addresses={HOST} -c unix_socket_directories='' "
            "-c fsync=off -c full_page_writes=off -c max_connections=100"
        )
        log = str(self._home / "log")
        # pg_ctl's server would keep our pipe open: it writes into its log alone.
        done = subprocess.run(
            [
                *self._as_user,
                str(self._binaries / "pg_ctl"),
                *("start", "-w", "-t", "600", "-D", str(self._home / "data"), "-l", log, "-o", options),
            ],
            cwd=self._home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=WAIT_SECONDS,
        )
        assert done.returncode == 0, self.log()

    def stop(self) -> None:
        """Stop at once, as a power cut would: connections break in mid-sentence."""
        self._run("pg_ctl", "stop", "-w", "-t", "600", "-m", "immediate", "-D", str(self._home / "data"))

    def remove(self) -> None:
        """Stop if it runs, and leave nothing behind."""
        try:
            if (self._home / "data" / "postmaster.pid").exists():
                self.stop()
        finally:
            shutil.rmtree(self._home, ignore_errors=True)

    def dump(self, database: str, file: Path) -> None:
        """Write a database out, as SQL."""
        with file.open("wb") as sink:
            subprocess.run(self._client("pg_dump", database), stdout=sink, check=True, timeout=WAIT_SECONDS)

    def load(self, file: Path, database: str) -> None:
        """Read into a new database what `dump` wrote."""
        command = (*self._client("psql", database), "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1")
        with file.open("rb") as source:
            subprocess.run(command, stdin=source, stdout=subprocess.DEVNULL, check=True, timeout=WAIT_SECONDS)

    def _client(self, program: str, database: str) -> tuple[str, ...]:
        where = ("-h", HOST, "-p", str(self.port), "-U", "portal", "-d", database)
        return (str(self._binaries / program), *where)

    def log(self) -> str:
        """What the server has written."""
        log = self._home / "log"
        return log.read_text(errors="replace") if log.exists() else ""

    def url(self, database: str = "postgres") -> str:
        """Return the DATABASE_URL of one of its databases."""
        return f"postgres://portal@{HOST}:{self.port}/{database}"


@contextlib.contextmanager
def postgresql(binaries: Path) -> Iterator[Cluster]:
    """Run a PostgreSQL server for a while."""
    cluster = Cluster(binaries)
    try:
        cluster.create()
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


# Redis


@contextlib.contextmanager
def redis(port: int = 0) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run a Redis server of its own; yields its address and its process."""
    program = shutil.which("redis-server")
    if program is None:
        skip_or_fail("Redis is not installed (no redis-server found)")
    import redis as client

    port = port or free_port()
    command = [program, "--port", str(port), "--bind", HOST, "--save", "", "--appendonly", "no"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:

        def answers() -> bool:
            with contextlib.suppress(client.RedisError), client.Redis(HOST, port) as connection:
                return bool(connection.ping())
            return False

        try:
            until(answers, what="Redis")
            yield f"redis://{HOST}:{port}/0", server
        finally:
            server.kill()


# The portal


# What systemd does with a socket that it holds for a service.
_HANDED_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


def held_socket() -> socket.socket:
    """Return a socket that takes connections, as systemd holds one for a service that is being restarted."""
    held = socket.create_server((HOST, 0), backlog=512)
    held.set_inheritable(True)
    return held


class Portal:
    """The portal under gunicorn, as an operator would start it; on a socket of ours when one is given."""

    # What browsers send with every request, beside their cookies.
    headers: Mapping[str, str] = {}

    def __init__(
        self,
        database_url: str,
        log: Path,
        *,
        workers: int = 4,
        port: int = 0,
        held: socket.socket | None = None,
        root: Path = ROOT,
        **more: str,
    ) -> None:
        self.database_url = database_url
        self.port = held.getsockname()[1] if held else port or free_port()
        self.url = f"http://{HOST}:{self.port}"
        self._log = log
        env = environment(
            database_url,
            BIND=HOST,
            PORT=str(self.port),
            WEB_CONCURRENCY=str(workers),
            **{"PUBLIC_URL": self.url, **more},
        )
        command = ["-m", "gunicorn", "--config", str(root / "gunicorn.conf.py")]
        if held:
            command = ["-c", _HANDED_OVER, str(held.fileno()), *command]
        with log.open("ab") as sink:
            self._process = subprocess.Popen(
                [sys.executable, *command],
                cwd=root,
                env=env,
                pass_fds=[held.fileno()] if held else [],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection for one request."""
        return http.client.HTTPConnection(HOST, self.port, timeout=WAIT_SECONDS)

    def log(self) -> str:
        """What the server has written."""
        return self._log.read_text(errors="replace")

    def answers(self) -> bool:
        """Tell whether the portal serves and reaches its database."""
        assert self._process.poll() is None, f"gunicorn has ended:\n{self.log()}"
        try:
            return Browser(self).get("/readyz?part=database&part=migrations").status == 200
        except OSError:
            return False

    @property
    def pid(self) -> int:
        """The master's process id."""
        return self._process.pid

    def workers(self) -> set[int]:
        """Return the process ids of gunicorn's workers (Linux tells)."""
        pid = self._process.pid
        return {int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}

    def kill_a_worker(self) -> int:
        """End one worker with SIGKILL, as the kernel does when memory is short; returns its id."""
        pid = min(self.workers())
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill_master(self) -> None:
        """End gunicorn's master with SIGKILL; its workers see that, and end by themselves."""
        self._process.kill()
        self._process.wait()

    def kill(self) -> None:
        """End master and workers with SIGKILL, as a machine that loses its power."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def reload(self) -> None:
        """Let new web processes take over from the old ones, as `systemctl reload` does."""
        self._process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """Ask gunicorn to end, and make it end when it does not."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@contextlib.contextmanager
def portal(
    database_url: str, log: Path, *, workers: int = 4, root: Path = ROOT, **more: str
) -> Iterator[Portal]:
    """Serve the portal for a while: its database is migrated, its static files are collected.

    `root` is where its code lies.
    """
    server = Portal(database_url, log, workers=workers, root=root, **more)
    try:
        until(server.answers, what="the portal's first answer")
        yield server
    finally:
        server.stop()


# Its guests


class Server(Protocol):
    """What a browser can ask: the portal itself, or a proxy in front of it."""

    headers: Mapping[str, str]

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection for one request."""


@dataclass(frozen=True)
class Answer:
    """What the portal answered."""

    status: int
    body: str
    headers: dict[str, str]

    @property
    def location(self) -> str:
        """Where a redirect leads."""
        return self.headers.get("location", "")

    @property
    def booking_id(self) -> str:
        """The booking that a redirect leads to; empty if it leads to none."""
        found = re.match(r"/booking/([^/]+)/", self.location)
        return found[1] if found else ""


@dataclass
class PageForm:
    """A form of a page, with the fields as a browser would send them."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class _FormReader(HTMLParser):
    """Finds one form by its id."""

    def __init__(self, form_id: str) -> None:
        super().__init__()
        self._form_id = form_id
        self._inside = False
        self.form: PageForm | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        have = {name: value or "" for name, value in attrs}
        if tag == "form" and have.get("id") == self._form_id:
            self._inside, self.form = True, PageForm(have.get("action", ""))
        elif self._inside and self.form is not None and have.get("name"):
            # The first button is the one that Enter would press.
            self.form.fields.setdefault(have["name"], have.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False


def read_form(page: str, form_id: str = "booking-form") -> PageForm | None:
    """Return the form of a page that has this id; None if it has none."""
    reader = _FormReader(form_id)
    reader.feed(page)
    return reader.form


def filled(form: PageForm, name: str, email: str = "") -> PageForm:
    """Type a guest's name and e-mail address into a booking form."""
    words = {"name": name, "email": email or f"{name.lower()}@guest.example"}
    return PageForm(form.action, {**form.fields, **words})


class Browser:
    """One guest's browser: cookies of its own, one connection for each request."""

    def __init__(self, server: "Server", cookies: dict[str, str] | None = None) -> None:
        self._server = server
        self.cookies = dict(cookies or {})

    def twin(self) -> "Browser":
        """Return a second tab of the same browser."""
        return Browser(self._server, self.cookies)

    def get(self, path: str) -> Answer:
        """Ask for a page."""
        return self._ask("GET", path)

    def post(self, path: str, fields: dict[str, str]) -> Answer:
        """Send a form; redirects are returned, not followed."""
        return self._ask("POST", path, urlencode(fields))

    def _ask(self, method: str, path: str, body: str | None = None) -> Answer:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {**self._server.headers, "Cookie": cookies}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = self._server.connect()
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            # Some answers are files.
            text = response.read().decode(errors="surrogateescape")
        finally:
            connection.close()
        for line in response.headers.get_all("Set-Cookie", []):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, text, found)

    def booking_page(self, voucher: str, start: datetime) -> Answer:
        """Ask for the page that books a slot with a voucher or one of a batch."""
        place = {"voucher": voucher, "day": f"{start:%Y-%m-%d}", "slot": slot_id(start)}
        return self.get(f"/?{urlencode(place)}")

    def booking_form(self, voucher: str, start: datetime, *, name: str = "Ann", email: str = "") -> PageForm:
        """Open the page that books a slot, and fill its form in."""
        answer = self.booking_page(voucher, start)
        assert answer.status == 200, f"{answer.status} for {voucher}"
        form = read_form(answer.body)
        assert form is not None, f"no form on the page of {voucher}"
        return filled(form, name, email)

    def press(self, form: PageForm) -> Answer:
        """Press a form's button."""
        return self.post(f"/{form.action}", form.fields)

    def change(self, booking_id: str, verb: str, **fields: str) -> Answer:
        """Open a page of a booking ("cancel" or "move") and send its form."""
        path = f"/booking/{booking_id}/{verb}/"
        page = self.get(path)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.body)
        assert page.status == 200, f"{page.status} for {path}"
        assert token, f"no form on {path}"
        return self.post(path, {"csrfmiddlewaretoken": token[1], **fields})


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Make all calls at the same moment, each in a thread; returns what they return, in order."""
    barrier = threading.Barrier(len(calls))
    results: list[Any] = [None] * len(calls)
    errors: list[Exception] = []

    def run(number: int, call: Callable[[], Any]) -> None:
        try:
            barrier.wait()
            results[number] = call()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=item) for item in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results
