"""A portal as it runs for real: web processes, a worker, mail, a receiver of webhooks, and load on it."""

import email
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from tests.faults.load import PLACES, Load
from tests.races.conftest import Clerk, Engine
from tests.races.truth import Truth
from tests.servers import Portal, portal, until
from tests.webhooks.receiver import Receiver, receiving
from tests.workers import Workers, working

BATCHES = 10
ENV = {
    "API_WRITES_PER_MINUTE": "1000000",
    "API_READS_PER_MINUTE": "1000000",
    "WEBHOOK_PRIVATE_NETWORKS": "127.0.0.1/32",
}
_BEFORE_SECONDS = 0.5
_RECOVERY_SECONDS = 60
_DELIVERY_SECONDS = 90


@dataclass
class Outcome:
    """What became of some rounds of one fault."""

    name: str
    rounds: int = 0
    acknowledged: int = 0
    lost: int = 0
    faults: list[str] = field(default_factory=list)
    mails_lost: int = 0
    webhooks_lost: int = 0
    recovered: list[float] = field(default_factory=list)
    silent: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def row(self) -> str:
        """The fault's line of the table."""
        return (
            f"{self.name:44} {self.rounds:6} {self.acknowledged:6} {self.lost:5} {len(self.faults):6} "
            f"{self.mails_lost:5} {self.webhooks_lost:8} {median(self.recovered):6.2f} "
            f"{max(self.recovered):6.2f} {max(self.silent):6.2f} {len(self.wrong):6}"
        )

    @property
    def is_clean(self) -> bool:
        """True when nothing was lost, double or wrong."""
        return not (self.lost or self.faults or self.mails_lost or self.webhooks_lost or self.wrong)


HEADING = (
    f"{'fault':44} rounds booked  lost double mails webhooks recovered (s)  silent  wrong\n"
    f"{'':44}                             lost     lost median   most    (s) answers"
)


@dataclass
class Site:
    """What runs, and what is known of it from outside."""

    engine: Engine
    database_url: str
    folder: Path
    portal: Portal
    workers: Workers
    receiver: Receiver
    clerk: Clerk
    env: dict[str, str]

    def restart_portal(self, stack: ExitStack) -> None:
        """Start the web server again, on its port: what a supervisor does when it has ended."""
        log = self.folder / "gunicorn.log"
        again = Portal(self.database_url, log, workers=2, port=self.portal.port, **self.env)
        stack.callback(again.stop)
        self.portal = again

    def mails(self) -> set[str]:
        """Return the addresses that mails were sent to."""
        found = set()
        for file in (self.folder / "mails").glob("*.log"):
            for message in file.read_text().split("-" * 79):
                if told := email.message_from_string(message.lstrip())["To"]:
                    found.add(told)
        return found


@contextmanager
def running(engine: Engine, name: str, folder: Path, *, database: str = "", **env: str) -> Iterator[Site]:
    """Run a site on a new database, or on the one that is given."""
    database_url = database or engine.new_database(name)
    mails = folder / "mails"
    mails.mkdir()
    web_env = {**ENV, **env}
    worker_env = {**web_env, "EMAIL_URL": f"file:///{mails}"}
    clerk = Clerk(database_url, **web_env)
    try:
        with (
            receiving() as receiver,
            portal(database_url, folder / "gunicorn.log", workers=2, **web_env) as server,
            working(database_url, folder / "work.log", 1, **worker_env) as workers,
        ):
            yield Site(engine, database_url, folder, server, workers, receiver, clerk, web_env)
    finally:
        clerk.stop()


# Breaks something and mends it again; returns when it was whole, by the monotonic clock.
Fault = Callable[[Site], float]


def try_fault(name: str, site: Site, fault: Fault, rounds: int) -> Outcome:
    """Let a fault happen again and again under load, then compare what was told with what is stored."""
    outcome = Outcome(name, rounds)
    offers, vouchers = _stock(site)
    site.clerk.ask("subscribe", url=site.receiver.url)
    begin = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
    with Load(site.portal.port, site.clerk.ask("key"), vouchers, begin) as load:
        for _round in range(rounds):
            began = time.monotonic()
            until(lambda b=began: load.acknowledged_since(b) > 5, seconds=_RECOVERY_SECONDS, what="bookings")
            time.sleep(_BEFORE_SECONDS)
            broken_at = time.monotonic()
            whole_at = fault(site)
            until(
                lambda w=whole_at: load.acknowledged_since(w) > 5,
                seconds=_RECOVERY_SECONDS,
                what=f"bookings after “{name}”\n{site.portal.log()[-3000:]}",
            )
            now = time.monotonic()
            outcome.recovered.append(load.first_after(whole_at) - whole_at)
            outcome.silent.append(load.longest_silence(broken_at, now))
    outcome.acknowledged = len(load.acknowledged)
    outcome.wrong = load.wrong
    _compare(site, outcome, offers, set(load.acknowledged))
    return outcome


def _stock(site: Site) -> tuple[list[str], list[str]]:
    """Issue what is going to be booked, all of one offer; returns the offer and the vouchers in order."""
    made = site.clerk.ask("seed", vouchers=1000, batches=BATCHES, capacity=PLACES)
    return [made["offer"]], [voucher for batch in made["vouchers"] for voucher in batch]


def _compare(site: Site, outcome: Outcome, offers: list[str], acknowledged: set[str]) -> None:
    """Count what was lost: bookings, and the mails and webhooks of all that are stored."""
    stored = Truth(site.database_url).read(offers)
    outcome.lost = len(acknowledged - set(stored.bookings))
    outcome.faults = stored.faults()
    addresses = {row["guest_email"] for row in stored.bookings.values()}
    events = {row["id"] for row in stored.events_of("book")}

    def all_came() -> bool:
        return addresses <= site.mails() and events <= set(site.receiver.ids)

    for is_over in (False, True):
        if is_over and not all_came():
            # What a killed worker had in hand comes after its lease, which is not waited for here.
            site.clerk.ask("take_back")
        deadline = time.monotonic() + _DELIVERY_SECONDS
        while not all_came() and time.monotonic() < deadline:
            time.sleep(0.5)
    outcome.mails_lost = len(addresses - site.mails())
    outcome.webhooks_lost = len(events - set(site.receiver.ids))
