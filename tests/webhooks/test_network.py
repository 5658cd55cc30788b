"""Where webhooks go: public addresses by TLS, and the operator's own networks; nowhere else."""

import socket
from ipaddress import ip_network
from typing import Any

import pytest
import requests
from requests_hardened.ip_filter import InvalidIPAddress

from portal.errors import Rejected
from tests.patience import PATIENCE_SECONDS
from tests.webhooks.receiver import Receiver
from webhooks import network
from webhooks.network import PlainHttpError, TooSlowError, post, refuse_url

PRIVATE = (
    "127.0.0.1",
    "127.8.9.1",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::1]",
    "[2002:7f00:1::]",
    "[fe80::1]",
    "[fec0::1]",
    "[fc00::1]",
    "[ff02::1]",
    "2130706433",
    "0x7f.1",
    "localhost",
)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Names of hosts and what they resolve to, one answer after the other; the last one stays."""
    known: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def look_up(host: str, *arguments: Any, **options: Any) -> Any:
        if host not in known:
            return real(host, *arguments, **options)
        answers = known[host]
        return real(answers.pop(0) if len(answers) > 1 else answers[0], *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


@pytest.mark.parametrize("host", PRIVATE)
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_private_addresses_are_refused_when_asked_for_and_when_connected_to(scheme: str, host: str) -> None:
    with pytest.raises(Rejected) as refusal:
        refuse_url(f"{scheme}://{host}/")
    assert refusal.value.code == "webhook_url_private"
    with pytest.raises(InvalidIPAddress):
        post(f"{scheme}://{host}:1/", b"{}", {})


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1"])
def test_a_name_that_leads_to_a_private_address_is_refused(names: dict[str, list[str]], address: str) -> None:
    names["hook.example"] = [address]
    with pytest.raises(Rejected) as refusal:
        refuse_url("https://hook.example/")
    assert refusal.value.code == "webhook_url_private"
    with pytest.raises(InvalidIPAddress):
        post("https://hook.example/", b"{}", {})


def test_a_name_that_changes_between_the_look_and_the_connection_gains_nothing(
    names: dict[str, list[str]], receiver: Receiver, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOK_PRIVATE_NETWORKS = []
    asked: list[Any] = []

    def connect(address: Any, *_arguments: Any, **_options: Any) -> Any:
        asked.append(address)
        raise OSError("no network here")

    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
    names["hook.example"] = ["8.8.8.8", "127.0.0.1"]
    with pytest.raises(requests.ConnectionError):
        post("https://hook.example/", b"{}", {})
    assert asked == [("8.8.8.8", 443)]
    with pytest.raises(InvalidIPAddress):
        post("https://hook.example/", b"{}", {})
    assert receiver.got == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hook",
        "//8.8.8.8/",
        "ftp://8.8.8.8/",
        "file:///etc/passwd",
        "http://8.8.8.8/",
        "https://",
        "https://user:word@8.8.8.8/",
        "https://user@8.8.8.8/",
        "https://8.8.8.8:0/",
        "https://8.8.8.8:99999/",
        "https://8.8.8.8/a b",
        "https://8.8.8.8/\nHost: x",
        "https://8.8.8.8\\@127.0.0.1/",
        "https://[::1/",
        "https://hôtel.example/",
        "https://8.8.8.8/#part",
        "http://nobody-knows.invalid/",
        f"https://8.8.8.8/{'x' * 500}",
    ],
)
def test_what_is_no_address_for_webhooks_is_refused(url: str) -> None:
    with pytest.raises(Rejected) as refusal:
        refuse_url(url)
    assert refusal.value.code == "webhook_url_invalid"


@pytest.mark.parametrize(
    "url", ["https://8.8.8.8/x?y=1", "https://[2001:4860:4860::8888]:8443/", "https://nobody-knows.invalid/"]
)
def test_a_public_address_and_a_name_that_nobody_knows_yet_pass(url: str) -> None:
    refuse_url(url)


def test_plain_http_goes_to_no_public_address() -> None:
    with pytest.raises(PlainHttpError):
        post("http://8.8.8.8/", b"{}", {})


def test_an_allowed_network_is_reached_without_tls_and_others_are_not(
    receiver: Receiver, names: dict[str, list[str]], settings: Any
) -> None:
    port = receiver.server_address[1]
    names["hook.example"] = ["127.0.0.1"]
    refuse_url(receiver.url)
    assert post(f"http://hook.example:{port}/", b"{}", {"Content-Type": "application/json"}) == 200
    (headers, body) = receiver.got[0]
    assert (headers["host"], body) == (f"hook.example:{port}", b"{}")
    assert headers["user-agent"] == network.USER_AGENT
    settings.WEBHOOK_PRIVATE_NETWORKS = [ip_network("10.0.0.0/8")]
    with pytest.raises(InvalidIPAddress):
        post(receiver.url, b"{}", {})
    assert len(receiver.got) == 1


def test_tls_names_the_host_and_not_its_address(
    own_machine: None, names: dict[str, list[str]], receiver: Receiver
) -> None:
    names["hook.example"] = ["127.0.0.1"]
    # The receiver speaks no TLS: that TLS was begun is all that can be seen of it.
    with pytest.raises(requests.exceptions.SSLError):
        post(f"https://hook.example:{receiver.server_address[1]}/", b"{}", {})


def test_redirects_are_not_followed(receiver: Receiver) -> None:
    receiver.status, receiver.location = 302, receiver.url
    assert post(receiver.url, b"{}", {}) == 302
    assert len(receiver.got) == 1


def test_the_machines_proxies_are_not_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    monkeypatch.setenv("no_proxy", "")
    assert post(receiver.url, b"{}", {}) == 200


# So much that it lasts for hours: nothing but hanging up ends it.
@pytest.mark.parametrize("drips", ["HTTP/1.1 200 OK\r\nX: " + "x" * 100_000, "H" * 100_000])
def test_a_receiver_that_drips_its_answer_is_hung_up_on(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, drips: str
) -> None:
    monkeypatch.setattr(network, "WHOLE_SECONDS", 0.5)
    receiver.drips = drips
    with pytest.raises(TooSlowError):
        post(receiver.url, b"{}", {})


def test_a_receiver_that_drips_in_the_handshake_of_tls_is_hung_up_on(
    own_machine: None, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "WHOLE_SECONDS", 0.5)
    # It never answers: nothing but hanging up ends it.
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TooSlowError):
        post(f"https://127.0.0.1:{silent.getsockname()[1]}/", b"{}", {})


def test_an_answer_whose_body_never_ends_is_an_answer(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "WHOLE_SECONDS", PATIENCE_SECONDS)
    head = "HTTP/1.1 200 OK\r\n\r\n"
    monkeypatch.setattr("tests.webhooks.receiver.time.sleep", lambda _seconds: None)
    receiver.drips = head + "x" * 1_000_000
    assert post(receiver.url, b"{}", {}) == 200


def test_no_thread_is_left_behind(receiver: Receiver) -> None:
    import threading

    for _number in range(3):
        post(receiver.url, b"{}", {})
    assert not [
        thread
        for thread in threading.enumerate()
        if isinstance(thread, threading.Timer) and thread.is_alive() and not thread.finished.is_set()
    ]
