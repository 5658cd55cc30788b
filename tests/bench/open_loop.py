"""A load that does not wait for its server: every request is sent when it is due.

Connections stay open and are shared, as a proxy does it; a request that finds none free waits for
one. A latency counts from the moment that its request was due, so that waiting is never left out.
"""

import asyncio
import os
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.load import LENGTH
from tests.servers import HOST, Portal

LINKS = 32
_PATIENCE_SECONDS = 60
_DONE = b"200"


@dataclass(order=True, slots=True)
class Due:
    """A request and when it is to be sent, in seconds after the load's begin."""

    moment: float
    kind: str = field(compare=False)
    data: bytes = field(compare=False)


class Load:
    """Requests on their way to a server, and how long the answered ones took."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: deque[_Link] = deque()
        self._waiting: deque[Due] = deque()
        self._links = 0
        self._connecting: set[asyncio.Future[object]] = set()
        self._unanswered = 0
        self._begin = 0.0
        self.times: dict[str, list[float]] = {}
        self.errors: Counter[str] = Counter()

    async def send(self, plan: Sequence[Due]) -> None:
        """Send all of a plan, each request when it is due, and wait for the last answer."""
        loop = asyncio.get_running_loop()
        self._begin = self._begin or loop.time()
        self.times, self.errors = {}, Counter()
        for due in plan:
            if (wait := self._begin + due.moment - loop.time()) > 0:
                await asyncio.sleep(wait)
            self._unanswered += 1
            self._waiting.append(due)
            self._go_on()
        patience = loop.time() + _PATIENCE_SECONDS
        while self._unanswered:
            if loop.time() > patience:
                raise TimeoutError(f"{self._unanswered} requests have no answer.")
            await asyncio.sleep(0.005)

    def close(self) -> None:
        """Close the connections."""
        for link in self._free:
            link.close()

    def on_free(self, link: "_Link") -> None:
        """Use a connection that can carry a request."""
        if self._waiting:
            link.send(self._waiting.popleft())
        else:
            self._free.append(link)

    def on_answer(self, due: Due, status: bytes) -> None:
        """Note an answer."""
        self._unanswered -= 1
        took = asyncio.get_running_loop().time() - self._begin - due.moment
        self.times.setdefault(due.kind, []).append(took)
        if status != _DONE:
            self.errors[status.decode()] += 1

    def on_lost(self, link: "_Link", due: Due | None) -> None:
        """Note that the server has closed a connection."""
        self._links -= 1
        if due is not None:
            self._unanswered -= 1
            self.errors["no answer"] += 1
        if link in self._free:
            self._free.remove(link)
        self._go_on()

    def _go_on(self) -> None:
        if self._free and self._waiting:
            self._free.popleft().send(self._waiting.popleft())
        elif self._waiting and self._links < LINKS:
            # Only now: the server gives each new connection a thread, until something is sent.
            self._links += 1
            connecting = asyncio.get_running_loop().create_connection(lambda: _Link(self), HOST, self._port)
            self._connecting.add(task := asyncio.ensure_future(connecting))
            task.add_done_callback(self._connecting.discard)


class _Link(asyncio.Protocol):
    """One connection, and the request that it carries."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._due: Due | None = None
        self._data = b""
        self._is_ours_to_close = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._load.on_free(self)

    def send(self, due: Due) -> None:
        """Send a request."""
        self._due, self._data = due, b""
        self._transport.write(due.data)

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, _break, body = self._data.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if length is None or len(body) < int(length[1]) or self._due is None:
            return
        due, self._due = self._due, None
        self._load.on_answer(due, head[9:12])
        # A worker that is going to be renewed says so: `connection_lost` follows.
        if b"connection: close" not in head.lower():
            self._load.on_free(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._is_ours_to_close:
            self._load.on_lost(self, self._due)

    def close(self) -> None:
        """Close the connection."""
        self._is_ours_to_close = True
        self._transport.close()


@dataclass(frozen=True)
class Used:
    """Processor seconds, up to a moment."""

    moment: float
    server: float
    driver: float
    machine: float

    @classmethod
    def by(cls, server: Portal) -> "Used":
        tick = os.sysconf("SC_CLK_TCK")
        workers = server.workers()
        # Behind the name, which is in brackets: the parent's id is the second word, times are 12th on.
        stats = {pid: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in workers}
        master = Path(f"/proc/{next(iter(stats.values()))[1]}/stat").read_text().rpartition(")")[2].split()
        # With the master's come those of workers that have ended.
        ticks = sum(int(word) for stat in stats.values() for word in stat[11:13])
        ticks += sum(int(word) for word in master[11:15])
        # user, nice, system, idle, iowait, irq, softirq, and what other machines on the same iron took
        times = [int(word) for word in Path("/proc/stat").read_text().split()[1:9]]
        busy = sum(times) - times[3] - times[4]
        return cls(time.monotonic(), ticks / tick, time.process_time(), busy / tick)

    def told_since(self, before: "Used") -> str:
        """Return the shares of the machine in words."""
        whole = (self.moment - before.moment) * (os.cpu_count() or 1)
        server, driver, machine = (
            (getattr(self, name) - getattr(before, name)) / whole for name in ("server", "driver", "machine")
        )
        return (
            f"of the machine: gunicorn {server:.0%}, this driver {driver:.0%}, "
            f"all else, databases among it, {max(machine - server - driver, 0):.0%}"
        )


def tell_latencies(name: str, times: Sequence[float], aim: str = "") -> None:
    """Print a line of percentiles."""
    ordered = sorted(times)
    p50, p95, p99 = (ordered[int(len(ordered) * part)] * 1000 for part in (0.50, 0.95, 0.99))
    print(f"{name:30} {len(ordered):6}  p50 {p50:6.1f}  p95 {p95:6.1f}  p99 {p99:6.1f} ms{aim}", flush=True)
