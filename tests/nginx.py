"""Debian's nginx with the example of deploy/nginx; ports, paths and pace are a test's own."""

import contextlib
import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.patience import until
from tests.requirements import skip_or_fail
from tests.servers import HOST, ROOT, WAIT_SECONDS, free_port

NAME = "vouchers.example.com"
EXAMPLE = ROOT / "deploy" / "nginx" / "portal.conf"
# What the portals behind it need in their environment.
BEHIND = {
    "PLAIN_HTTP": "0",
    "BEHIND_TLS_PROXY": "1",
    "TRUSTED_PROXIES": "1",
    "ALLOWED_HOSTS": NAME,
    "PUBLIC_URL": f"https://{NAME}",
}
_MAIN = """
daemon off;
{user}
worker_processes 2;
pid {home}/pid;
error_log {home}/error.log notice;
events {{ worker_connections 512; }}
http {{
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    include {home}/portal.conf;
}}
"""


class _Tls(http.client.HTTPSConnection):
    """A connection to an address on this machine that asks for the name that the certificate is of."""

    def __init__(self, port: int, context: ssl.SSLContext, name: str) -> None:
        super().__init__(HOST, port, timeout=WAIT_SECONDS, context=context)
        self._tls, self._name = context, name

    def connect(self) -> None:
        plain = socket.create_connection((HOST, self.port), timeout=WAIT_SECONDS)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self._name)


class Nginx:
    """nginx in front of portals."""

    # A browser tells over TLS which page a form came from.
    headers: Mapping[str, str] = {"Host": NAME, "Referer": f"https://{NAME}/"}

    def __init__(self, program: str, home: Path, ports: Sequence[int]) -> None:
        self.home, self.port, self.plain_port = home, free_port(), free_port()
        certificate, key = home / "cert.pem", home / "key.pem"
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
                *("-nodes", "-days", "2", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"),
                *("-keyout", str(key), "-out", str(certificate)),
            ],
            check=True,
            capture_output=True,
        )
        (home / "portal.conf").write_text(self._substituted(ports, certificate, key))
        user = "user root;" if os.geteuid() == 0 else ""
        (home / "nginx.conf").write_text(_MAIN.format(home=home, user=user))
        self._context = ssl.create_default_context(cafile=str(certificate))
        command = [program, "-c", str(home / "nginx.conf"), "-p", str(home)]
        tried = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
        assert tried.returncode == 0, tried.stderr
        assert "warn" not in tried.stderr, tried.stderr
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _substituted(self, ports: Sequence[int], certificate: Path, key: Path) -> str:
        text = EXAMPLE.read_text(encoding="utf-8")
        for was, now in (
            ("127.0.0.1:8000", f"127.0.0.1:{ports[0]}"),
            ("127.0.0.1:8001", f"127.0.0.1:{ports[1]}"),
            ("/etc/ssl/portal/fullchain.pem", str(certificate)),
            ("/etc/ssl/portal/privkey.pem", str(key)),
            ("/var/log/nginx/portal.log", str(self.home / "access.log")),
            # All guests of a test have one address.
            ("rate=10r/s", "rate=10000r/s"),
            ("limit_conn portal_connections 40", "limit_conn portal_connections 1000"),
            ("listen 80;", f"listen {HOST}:{self.plain_port};"),
            ("listen 443 ssl", f"listen {HOST}:{self.port} ssl"),
        ):
            assert was in text, was
            text = text.replace(was, now)
        return re.sub(r"^\s*listen \[::\].*\n", "", text, flags=re.MULTILINE)

    def connect(self, name: str = NAME) -> http.client.HTTPConnection:
        """Return a connection for one request, over TLS with a certificate that is checked."""
        return _Tls(self.port, self._context, name)

    def is_up(self) -> bool:
        """Tell whether it takes connections."""
        with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), timeout=1):
            return True
        return False

    def log(self) -> str:
        """What it has written of requests."""
        path = self.home / "access.log"
        return path.read_text() if path.exists() else ""


@contextlib.contextmanager
def nginx(home: Path, ports: Sequence[int]) -> Iterator[Nginx]:
    """Run nginx in front of the portals on two ports."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        skip_or_fail("nginx is not installed")
    if shutil.which("openssl") is None:
        skip_or_fail("openssl is not installed (it makes the certificate)")
    server = Nginx(program, home, ports)
    try:
        until(server.is_up, what="nginx")
        yield server
    finally:
        server.process.terminate()
        server.process.wait(WAIT_SECONDS)
