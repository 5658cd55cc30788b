"""The client: connections that stay open and send one request after the other, for a while.

One thread for each connection, plain sockets, no parsing beyond what is asked: it takes a few hundredths
of a millisecond for a request, and tells what share of a processor it had (`client_share`).
"""

import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from typing import NamedTuple

from tests.servers import HOST

CONNECTIONS = 8
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)

# Makes the request of a number, or nothing when there are no more.
Maker = Callable[[int], bytes | None]


class Answer(NamedTuple):
    """What came back."""

    status: bytes
    keeps: bool
    head: bytes
    body: bytes

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        return len(self.head) + 4 + len(self.body)


class Load:
    """Eight connections; `seen` is shown every answer with its request's number."""

    def __init__(
        self, port: int, make: Maker, seen: Callable[[int, Answer], object] = lambda _number, _answer: None
    ) -> None:
        self._port = port
        self._make = make
        self._seen = seen
        self._numbers: Iterator[int] = count()
        self._lock = threading.Lock()
        self.statuses: Counter[bytes] = Counter()
        self.times: list[float] = []
        self.seconds = 0.0
        # What of one processor this client had.
        self.client_share = 0.0

    def run(self, seconds: float) -> float:
        """Send for so long, or until there is nothing more to send; returns the requests per second."""
        begin, used = time.perf_counter(), time.process_time()
        threads = [
            threading.Thread(target=self._client, args=(begin + seconds,)) for _each in range(CONNECTIONS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.seconds = time.perf_counter() - begin
        self.client_share = (time.process_time() - used) / self.seconds
        return len(self.times) / self.seconds

    def _client(self, until: float) -> None:
        link = connect(self._port)
        times: list[float] = []
        statuses: Counter[bytes] = Counter()
        while time.perf_counter() < until:
            with self._lock:
                number = next(self._numbers)
            request = self._make(number)
            if request is None:
                break
            began = time.perf_counter()
            link.sendall(request)
            answer = read(link)
            times.append(time.perf_counter() - began)
            statuses[answer.status] += 1
            self._seen(number, answer)
            if not answer.keeps:
                link.close()
                link = connect(self._port)
        link.close()
        with self._lock:
            self.times += times
            self.statuses += statuses


def connect(port: int) -> socket.socket:
    """Open a connection to a server on this machine."""
    link = socket.create_connection((HOST, port), timeout=60)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return link


def read(link: socket.socket) -> Answer:
    """Read one answer."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += (piece := link.recv(65536))
        if not piece:
            raise ConnectionError("The server closed the connection without an answer.")
    head, _, body = data.partition(b"\r\n\r\n")
    length = LENGTH.search(head)
    missing = (int(length[1]) if length else 0) - len(body)
    pieces = [body]
    while missing > 0:
        missing -= len(piece := link.recv(65536))
        if not piece:
            break
        pieces.append(piece)
    return Answer(head[9:12], b"connection: close" not in head.lower(), head, b"".join(pieces))


def ask(port: int, request: bytes) -> Answer:
    """Send one request on a connection of its own."""
    with connect(port) as link:
        link.sendall(request)
        return read(link)
