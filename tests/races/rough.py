"""A client that sends what no client library would, byte by byte."""

import json
import socket
from dataclasses import dataclass

from tests.races.conftest import Hotel
from tests.servers import HOST, WAIT_SECONDS

JSON = b"application/json"


@dataclass(frozen=True)
class Refused:
    """What came back, byte by byte."""

    status: int
    head: str
    body: bytes

    @property
    def is_our_json(self) -> bool:
        """True for a refusal in the API's one shape."""
        if "content-type: application/json" not in self.head or "ratelimit:" not in self.head:
            return False
        content = json.loads(self.body)
        return content["ok"] is False and bool(content["code"] and content["error"])


class Rough:
    """A client that sends what it is given; it speaks HTTP only as far as it must."""

    def __init__(self, hotel: Hotel) -> None:
        self._port = hotel.portal.port
        self._key = b"X-TS-APIKEY: " + hotel.clerk.ask("key").encode()

    def send(
        self,
        method: bytes,
        target: bytes,
        body: bytes = b"",
        *headers: bytes,
        kind: bytes = JSON,
        host: bytes = HOST.encode(),
        has_key: bool = True,
        length: bytes | None = None,
    ) -> Refused:
        lines = [method + b" " + target + b" HTTP/1.1", b"Host: " + host, b"Connection: close", *headers]
        lines += [self._key] if has_key else []
        if method == b"POST":
            lines.append(b"Content-Type: " + kind)
            told = str(len(body)).encode() if length is None else length
            lines += [b"Content-Length: " + told] if told else []
        return self._exchange(b"\r\n".join(lines) + b"\r\n\r\n" + body)

    def _exchange(self, data: bytes) -> Refused:
        with socket.create_connection((HOST, self._port), timeout=WAIT_SECONDS) as connection:
            try:
                connection.sendall(data)
                # What was announced and never comes shall hold nobody up.
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # Refused before all of it was sent.
            answer = bytearray()
            while chunk := connection.recv(65536):
                answer += chunk
        head, _break, body = bytes(answer).partition(b"\r\n\r\n")
        text = head.decode("latin-1").lower()
        assert text.startswith("http/1.1 "), answer[:200]
        if "transfer-encoding: chunked" in text:
            size, _break, rest = body.partition(b"\r\n")
            body = rest[: int(size, 16)]
        return Refused(int(text[9:12]), text, body)
