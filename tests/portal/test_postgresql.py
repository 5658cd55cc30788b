"""The look at a PostgreSQL connection before a request's first statement."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection, connections

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no connection that could break"),
]


@pytest.fixture
def link() -> Iterator[Any]:
    """A connection of its own, as a web server's thread has one."""
    made = connections.create_connection("default")
    made.ensure_connection()
    yield made
    made.close()


def start_request(link: Any) -> None:
    """Do what Django does at a request's begin, and before its first statement."""
    link.close_if_unusable_or_obsolete()
    link.health_check_enabled, link.health_check_done = True, False


def process_of(link: Any) -> int:
    with link.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def test_a_connection_that_lives_is_asked_nothing(
    link: Any, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    first = process_of(link)
    monkeypatch.setattr(
        "django.db.backends.postgresql.base.DatabaseWrapper.is_usable",
        lambda _self: pytest.fail("the server was asked whether it lives"),
    )
    start_request(link)
    with django_assert_num_queries(1, connection=link):
        assert process_of(link) == first


def test_a_connection_that_the_server_has_ended_is_made_anew(link: Any) -> None:
    first = process_of(link)
    with connection.cursor() as cursor:
        # It waits until the process has ended: nothing is left of it but the closed connection.
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
        assert cursor.fetchone() == (True,)
    start_request(link)
    assert process_of(link) != first


def test_without_the_look_the_first_statement_fails(link: Any) -> None:
    first = process_of(link)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
    link.health_check_enabled = False
    with pytest.raises(OperationalError):
        process_of(link)


def test_a_notice_is_no_end(link: Any) -> None:
    first = process_of(link)
    with link.cursor() as cursor:
        cursor.execute("LISTEN something")
    with connection.cursor() as cursor:
        cursor.execute("NOTIFY something")
    start_request(link)
    assert link.is_usable()
    assert process_of(link) == first


def test_a_closed_connection_cannot_be_used(link: Any) -> None:
    link.connection.close()
    assert not link.is_usable()


def test_statements_that_come_again_share_a_cursor_for_as_long_as_the_connection_lives(link: Any) -> None:
    def ask() -> Any:
        with link.prepared_cursor() as cursor:
            cursor.execute("SELECT %s::int", [7])
            assert cursor.fetchone() == (7,)
        return cursor.cursor

    first = ask()
    assert ask() is first
    link.close()
    anew = ask()
    assert anew is not first
    assert anew.connection is link.connection
