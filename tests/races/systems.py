"""A hotel's system that speaks the JSON API to a real server."""

import http.client
import json
from dataclasses import dataclass
from typing import Any

from tests.servers import HOST, WAIT_SECONDS, Server


@dataclass(frozen=True)
class Reply:
    """What the server answered."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def content(self) -> Any:
        return json.loads(self.body)


class System:
    """A system with a key; one connection for each request."""

    def __init__(self, port: int, key: str, **headers: str) -> None:
        self._port = port
        self._headers = {"X-TS-APIKEY": key, **headers}

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection for one request."""
        return http.client.HTTPConnection(HOST, self._port, timeout=WAIT_SECONDS)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Send a request; underscores in the names of headers stand for dashes."""
        told = {**self._headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        data = None
        if body is not None:
            told["Content-Type"] = "application/json"
            data = json.dumps(body)
        connection = self.connect()
        try:
            connection.request(method, f"/api/{path}", data, told)
            response = connection.getresponse()
            text = response.read()
            return Reply(
                response.status, text, {name.lower(): value for name, value in response.getheaders()}
            )
        finally:
            connection.close()

    def post(self, path: str, body: Any, **headers: str) -> Reply:
        return self.ask("POST", path, body, **headers)

    def get(self, path: str, **headers: str) -> Reply:
        return self.ask("GET", path, **headers)


class SystemBehind(System):
    """A system that comes through a proxy."""

    def __init__(self, front: Server, key: str) -> None:
        super().__init__(0, key, **front.headers)
        self._front = front

    def connect(self) -> http.client.HTTPConnection:
        return self._front.connect()
