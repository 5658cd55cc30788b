"""A portal as it runs for real: web processes, a worker, mail, a receiver of webhooks, and load on it."""

import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.parser import HeaderParser
from pathlib import Path
from statistics import median

from tests.engines import Engine
from tests.faults.load import PLACES, Load
from tests.nginx import BEHIND, NAME, Nginx, nginx
from tests.patience import until
from tests.races.conftest import Clerk
from tests.races.systems import System, SystemBehind
from tests.races.truth import Truth
from tests.servers import Portal, held_socket
from tests.webhooks.receiver import Receiver, receiving
from tests.workers import Workers, working

# What is issued to be booked, a thousand in each: a round books some hundreds, a long one more.
FIRST_BATCHES, MOST_BATCHES = 4, 10
# Web processes of a machine.
PROCESSES = 2
ENV = {
    "API_WRITES_PER_MINUTE": "1000000",
    "API_READS_PER_MINUTE": "1000000",
    "WEBHOOK_PRIVATE_NETWORKS": "127.0.0.1/32",
}
# A fault comes when the load is under way for as long.
_BEFORE_SECONDS = 0.5


@dataclass
class Outcome:
    """What became of some rounds of one fault."""

    name: str
    rounds: int = 0
    # The ids of bookings, and when each was acknowledged, by the monotonic clock.
    acknowledged: dict[str, float] = field(default_factory=dict)
    lost: int = 0
    faults: list[str] = field(default_factory=list)
    mails_lost: int = 0
    webhooks_lost: int = 0
    recovered: list[float] = field(default_factory=list)
    silent: list[float] = field(default_factory=list)
    # Requests that had to be sent again, by what happened to them.
    again: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def row(self) -> str:
        """The fault's line of the table."""
        return (
            f"{self.name:44} {self.rounds:6} {len(self.acknowledged):6} {self.lost:5} {len(self.faults):6} "
            f"{self.mails_lost:5} {self.webhooks_lost:8} {median(self.recovered):6.2f} "
            f"{max(self.recovered):6.2f} {max(self.silent):6.2f} {self.again.total():5} {len(self.wrong):7}"
        )

    @property
    def is_clean(self) -> bool:
        """True when nothing was lost, double or wrong."""
        return not (self.lost or self.faults or self.mails_lost or self.webhooks_lost or self.wrong)


HEADING = (
    f"{'fault':44} rounds booked  lost double mails webhooks recovered (s)  silent asked   wrong\n"
    f"{'':44}                             lost     lost median   most    (s) again answers"
)


@dataclass
class Site:
    """What runs, and what is known of it from outside."""

    engine: Engine
    database_url: str
    folder: Path
    workers: Workers
    receiver: Receiver
    clerk: Clerk
    env: dict[str, str]
    machines: list[Portal] = field(default_factory=list)
    # What takes connections for machines that are being started anew, where something does.
    held: list[socket.socket] = field(default_factory=list)
    # What clients ask, where that is not the one machine itself.
    front: Nginx | None = None
    # What is booked, a voucher that no client books, and the clients' key.
    offers: list[str] = field(default_factory=list)
    spare: str = ""
    key: str = ""
    # The clients that book while a fault is tried.
    load: Load | None = None
    # Of the files of mails: how long each was when it was read, and whom its mails went to.
    _read: dict[Path, tuple[int, set[str]]] = field(default_factory=dict)

    @property
    def portal(self) -> Portal:
        """The web server, or the first of them."""
        return self.machines[0]

    def start_again(self, stack: ExitStack, number: int = 0) -> None:
        """Start a web server again, on its port: what a supervisor does when it has ended."""
        port = self.machines[number].port
        again = _machine(self, number, port)
        stack.callback(again.stop)
        self.machines[number] = again

    def system(self, key: str) -> System:
        """Return a client of the portal."""
        return SystemBehind(self.front, key) if self.front else System(self.portal.port, key)

    def wait_for_bookings(self, since: float, what: str) -> None:
        """Wait until some more bookings were acknowledged since a moment of the monotonic clock."""
        assert self.load is not None
        load = self.load
        try:
            until(lambda: load.acknowledged_since(since) > 5, progress=load.answers, what=what)
        except TimeoutError as error:
            error.add_note(self.log()[-3000:])
            raise

    def wait_until_somebody_asks_again(self, code: str) -> None:
        """Wait until one more client is told to come again, with this code."""
        assert self.load is not None
        load = self.load
        before = load.later[code]
        until(lambda: load.later[code] > before, progress=load.answers, what=f"a client told {code}")

    def log(self) -> str:
        """What the web servers have written."""
        return "".join(machine.log() for machine in self.machines)

    def mails(self) -> set[str]:
        """Return the addresses that mails were sent to; only what was written since is read."""
        for file in (self.folder / "mails").glob("*.log"):
            length = file.stat().st_size
            if self._read.get(file, (-1,))[0] != length:
                self._read[file] = length, _addressees(file.read_text())
        return set().union(*(addresses for _length, addresses in self._read.values()))


def _addressees(mails: str) -> set[str]:
    """Return whom mails went to, as Django writes them into a file."""
    heads = (HeaderParser().parsestr(mail.lstrip())["To"] for mail in mails.split("-" * 79))
    return {head for head in heads if head}


def _machine(site: Site, number: int, port: int = 0) -> Portal:
    machine = Portal(
        site.database_url,
        site.folder / f"gunicorn-{number}.log",
        workers=PROCESSES,
        port=port,
        held=site.held[number] if site.held else None,
        **site.env,
    )
    if site.env.get("ALLOWED_HOSTS") == NAME:
        machine.headers = {"Host": NAME}
    return machine


@contextmanager
def running(
    engine: Engine,
    name: str,
    folder: Path,
    *,
    database: str = "",
    machines: int = 1,
    holds_sockets: bool = False,
    **env: str,
) -> Iterator[Site]:
    """Run a site on a new database, or on the one that is given; several machines stand behind nginx."""
    database_url = database or engine.new_database(name)
    mails = folder / "mails"
    mails.mkdir()
    with ExitStack() as stack:
        clerk = Clerk(database_url, **{**ENV, **env})
        stack.callback(clerk.stop)
        receiver = stack.enter_context(receiving())
        worker_env = {**ENV, **env, "EMAIL_URL": f"file:///{mails}"}
        workers = stack.enter_context(working(database_url, folder / "work.log", 1, **worker_env))
        web_env = {**ENV, **(BEHIND if machines > 1 else {}), **env}
        site = Site(engine, database_url, folder, workers, receiver, clerk, web_env)
        if holds_sockets:
            site.held = [stack.enter_context(held_socket()) for _number in range(machines)]
        for number in range(machines):
            site.machines.append(_machine(site, number))
            stack.callback(site.machines[number].stop)
        for machine in site.machines:
            until(machine.answers, what="a web server's first answer")
        if machines > 1:
            home = folder / "nginx"
            home.mkdir()
            site.front = stack.enter_context(nginx(home, [machine.port for machine in site.machines]))
        yield site


# Breaks something and mends it again; returns when it was whole, by the monotonic clock.
Fault = Callable[[Site], float]


def try_fault(name: str, site: Site, fault: Fault, rounds: int) -> Outcome:
    """Let a fault happen again and again under load, then compare what was told with what is stored."""
    outcome = Outcome(name, rounds)
    vouchers = _stock(site, rounds)
    site.clerk.ask("subscribe", url=site.receiver.url)
    begin = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
    site.key = site.clerk.ask("key")
    with Load(lambda: site.system(site.key), vouchers, begin) as load:
        site.load = load
        for _round in range(rounds):
            site.wait_for_bookings(time.monotonic(), "bookings")
            time.sleep(_BEFORE_SECONDS)
            broken_at = time.monotonic()
            whole_at = fault(site)
            site.wait_for_bookings(whole_at, f"bookings after “{name}”")
            now = time.monotonic()
            outcome.recovered.append(load.first_after(whole_at) - whole_at)
            outcome.silent.append(load.longest_silence(broken_at, now))
    outcome.acknowledged = load.acknowledged
    outcome.again, outcome.wrong = load.later, load.wrong
    _compare(site, outcome)
    return outcome


def _stock(site: Site, rounds: int) -> list[str]:
    """Issue what is going to be booked, all of one offer; returns the vouchers in order, one is kept back."""
    batches = min(FIRST_BATCHES + rounds, MOST_BATCHES)
    made = site.clerk.ask("seed", vouchers=1000, batches=batches, capacity=PLACES)
    site.offers = [made["offer"]]
    *vouchers, site.spare = [voucher for batch in made["vouchers"] for voucher in batch]
    return vouchers


def _compare(site: Site, outcome: Outcome) -> None:
    """Count what was lost: bookings, and the mails and webhooks of all that are stored."""
    stored = Truth(site.database_url).read(site.offers)
    outcome.lost = len(outcome.acknowledged.keys() - stored.bookings.keys())
    outcome.faults = stored.faults()
    addresses = {row["guest_email"] for row in stored.bookings.values()}
    events = {row["id"] for row in stored.events_of("book")}

    def missing() -> int:
        return len(addresses - site.mails()) + len(events - set(site.receiver.ids))

    # Whoever lives does what there is to do, and ends; what is in hand then was a dead worker's.
    _wait_for_all(site, missing, "is_queue_empty")
    if missing():
        assert set(site.workers.stop()) <= {0}, site.workers.log()[-3000:]
        site.clerk.ask("take_back")
        site.workers.start()
        # Whatever is missing when nothing is left to be done is lost.
        _wait_for_all(site, missing, "is_at_rest")
    outcome.mails_lost = len(addresses - site.mails())
    outcome.webhooks_lost = len(events - set(site.receiver.ids))


def _wait_for_all(site: Site, missing: Callable[[], int], is_over: str) -> None:
    """Wait until nothing is missing, or the clerk says of the queue that it is over."""

    def is_settled() -> bool:
        return not missing() or site.clerk.ask(is_over)

    until(is_settled, progress=missing, what=f"mails and webhooks\n{site.workers.log()[-3000:]}")
