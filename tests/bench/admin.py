"""Measure the admin at its real size: every list with every filter, search, order and far page.

Usage: python -m tests.bench.admin [--vouchers 1000000] [--limit 300] [--only TEXT] [--url DATABASE_URL]

Walks the admin's registry on a throwaway PostgreSQL, in this process: for a superuser, and for staff of
the hotel that has most and of one that has little. Prints the slowest pages with the milliseconds of the
whole answer (this process' own computing, and waiting for statements), of its statements, and how many
there were; what took long is asked again, and
the best of three counts. Fails when a page is over the limit.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

SHOWN = 40
TRIES = 3
# Of a filter with many choices these many are tried.
MOST_CHOICES = 7
FAR_PAGES = (2, 20, 100, 200, 201, 5000)


@dataclass
class Timed:
    """What one address took, in milliseconds, and its statements."""

    who: str
    address: str
    status: int
    took: float
    statements: list[float] = field(default_factory=list)
    slowest: str = ""

    def told(self) -> str:
        return (
            f"{self.took:7.0f} ms  {sum(self.statements):7.0f} ms in {len(self.statements):2} statements  "
            f"{self.status}  {self.who:5}  {self.address}"
        )


class Stopwatch:
    """Times statements, as an execute wrapper."""

    def __init__(self) -> None:
        self.times: list[tuple[float, str]] = []

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.times.append(((time.perf_counter() - began) * 1000, sql))


def ask(client: Any, who: str, address: str) -> Timed:
    """Ask for an address; what takes long is asked again, and the best counts."""
    from django.db import connection

    best: Timed | None = None
    for _number in range(TRIES):
        watch = Stopwatch()
        with connection.execute_wrapper(watch):
            began = time.process_time()
            response = client.get(address)
            b"".join(response.streaming_content) if response.streaming else response.content
            computed = (time.process_time() - began) * 1000
        took = computed + sum(ms for ms, _sql in watch.times)
        slowest = max(watch.times, default=(0, ""))[1]
        timed = Timed(who, address, response.status_code, took, [ms for ms, _sql in watch.times], slowest)
        best = timed if best is None or timed.took < best.took else best
        if best.took < 150 or best.took > 2000:
            break
    assert best is not None
    return best


def query(parameters: dict[str, Any]) -> str:
    return f"?{urlencode(parameters)}" if parameters else ""


def choices_of(changelist: Any) -> Iterator[str]:
    """Yield what each filter's choices add to the address."""
    from tests.bench.admin_seed import BIG

    for spec in changelist.filter_specs:
        found = [choice["query_string"] for choice in spec.choices(changelist)][1:]
        if len(found) > MOST_CHOICES:
            big = [each for each in found if BIG in each]
            found = [*found[:2], *big[:1], found[len(found) // 2], *found[-2:]]
        yield from found


def sample(model_admin: Any, rows: Any) -> list[str]:
    """Return what is looked for: ids and their beginnings, whole values, words, and what is not there."""
    found = ["zzyzx", "v-zzyzx", "nobody@guest.example"]
    for place in (0, 40):
        row = next(iter(rows.order_by("pk")[place : place + 1]), None)
        for path in model_admin.search_fields if row is not None else ():
            value: Any = row
            for name in path.strip("^=@").split("__"):
                value = getattr(value, name, None) if not hasattr(value, "all") else None
            if value and isinstance(value, str):
                found += [value, value[: max(len(value) * 2 // 3, 3)], value.split()[0]]
    return sorted(set(found))


def lists(request: Any, model_admin: Any, base: str) -> Iterator[str]:
    """Yield the addresses of a list: plain, filtered, searched, ordered, and far down."""
    changelist = model_admin.get_changelist_instance(request)
    yield base
    filters = list(choices_of(changelist))
    yield from (base + each for each in filters)
    # Each filter within one hotel, as staff of it see the list, and as a superuser chooses it.
    hotels = [each for each in filters if "hotel" in each and "__exact" in each]
    for hotel in hotels[:3]:
        yield from (f"{base}{hotel}&{each[1:]}" for each in filters if each not in hotels)
    for text in sample(model_admin, model_admin.get_queryset(request)) if model_admin.search_fields else ():
        yield base + query({"q": text})
        yield from (f"{base}{hotel}&{urlencode({'q': text})}" for hotel in hotels[:1])
    for place in range(1, len(changelist.list_display)):
        for way in ("", "-"):
            yield base + query({"o": f"{way}{place}"})
            yield from (f"{base}{hotel}&o={way}{place}" for hotel in hotels[:1])
            yield base + query({"o": f"{way}{place}", "p": 100})
    for page in FAR_PAGES:
        yield base + query({"p": page})
        yield from (f"{base}{hotel}&p={page}" for hotel in hotels[:1])
    if changelist.date_hierarchy:
        yield base + query({f"{changelist.date_hierarchy}__year": 2026})


def pages(request: Any, model_admin: Any) -> Iterator[str]:
    """Yield the addresses of a model's list, of its add page, and of one of its rows."""
    from django.urls import reverse

    name = f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}"
    if model_admin.has_view_or_change_permission(request):
        yield from lists(request, model_admin, reverse(f"{name}_changelist"))
        row = model_admin.get_queryset(request).order_by("-pk").first()
        if row is not None:
            yield reverse(f"{name}_change", args=(row.pk,))
    if model_admin.has_add_permission(request):
        yield reverse(f"{name}_add")


def others() -> Iterator[str]:
    """Yield staff's pages that are no model's own."""
    from tests.bench.admin_seed import BIG

    yield "/admin/"
    for hotel in ("", f"?hotel={BIG}"):
        yield f"/desk/{hotel}"
        yield f"/admin/bookings/booking/calendar/{hotel}"
        yield f"/admin/figures/{hotel}"
        yield f"/desk/walk-in/{hotel}"
    yield "/desk/?q=ada"
    yield "/desk/?q=zzyzx"
    yield "/admin/bookings/booking/calendar/?view=day"
    yield "/admin/bookings/booking/online/"
    from reports.forms import PRESETS

    for preset in PRESETS:
        yield f"/admin/figures/?period={preset}"
        yield f"/admin/figures/?period={preset}&hotel={BIG}"


def walk(only: str, staff: str) -> Iterator[Timed]:
    """Ask for everything, for each kind of staff, or for one."""
    from django.contrib import admin
    from django.contrib.auth.models import User
    from django.test import Client, RequestFactory

    from tests.bench.admin_seed import BIG, SMALL

    for who, username in (("root", "root"), ("big", f"clerk-{BIG}"), ("small", f"clerk-{SMALL}")):
        if staff not in ("", who):
            continue
        user = User.objects.get(username=username)
        client = Client()
        client.force_login(user)
        request = RequestFactory().get("/")
        request.user = user
        addresses = [*others()]
        for model_admin in admin.site._registry.values():
            addresses += pages(request, model_admin)
        for address in dict.fromkeys(addresses):
            if only in address:
                yield ask(client, who, address)


def report(timed: list[Timed], limit: float, *, shown: int) -> int:
    """Print the slowest; returns how many are over the limit or broken."""
    timed = sorted(timed, key=lambda each: -each.took)
    for each in timed[:shown]:
        print(each.told())
    lists_of: dict[str, set[int]] = {}
    for each in timed:
        lists_of.setdefault(each.address.partition("?")[0], set()).add(len(each.statements))
    most = max(lists_of.items(), key=lambda item: max(item[1]))
    over = [each for each in timed if each.took > limit]
    broken = [each for each in timed if each.status >= 500]
    for each in broken:
        print(f"broken: {each.told()}")
    print(
        f"{len(timed)} pages, {len(over)} over the limit of {limit:.0f} ms, {len(broken)} broken; "
        f"at most {max(most[1])} statements ({most[0]})"
    )
    return len(over) + len(broken)


def main() -> int:
    """Fill, walk, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--vouchers", type=int, default=1_000_000)
    parser.add_argument("--limit", type=float, default=300)
    parser.add_argument("--only", default="", help="only addresses that hold this text")
    parser.add_argument("--staff", choices=("", "root", "big", "small"), default="")
    parser.add_argument("--verbose", action="store_true", help="print each page when it is measured")
    parser.add_argument("--shown", type=int, default=SHOWN, help="how many lines are printed")
    parser.add_argument("--sql", action="store_true", help="print the slowest statement of each as well")
    parser.add_argument("--url", default="", help="an empty PostgreSQL database; filled if it is, and kept")
    options = parser.parse_args()
    os.environ.setdefault("SECRET_KEY", "only-for-the-benchmark-" + "0" * 40)
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.bench.settings"
    os.environ["PLAIN_HTTP"] = "1"
    os.environ["LOG_LEVEL"] = "ERROR"
    os.environ["ALLOWED_HOSTS"] = "testserver"
    if options.url:
        return measure(options.url, options)
    from tests.servers import postgresql, postgresql_binaries

    binaries = postgresql_binaries()
    if binaries is None:
        raise SystemExit("PostgreSQL is not installed.")
    with postgresql(binaries) as cluster:
        return measure(bytewise_no_more(cluster), options)


def bytewise_no_more(cluster: Any) -> str:
    """Return the address of a database that sorts as most do: there, LIKE needs indexes of its own."""
    import psycopg

    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE size TEMPLATE template0 LC_COLLATE 'C.utf8' LC_CTYPE 'C.utf8'")
        connection.execute("ALTER SYSTEM SET shared_buffers = '512MB'")
    cluster.stop()
    cluster.start()
    return cluster.url("size")


def measure(url: str, options: argparse.Namespace) -> int:
    """Migrate and fill a database where that was not done, then walk."""
    os.environ["DATABASE_URL"] = url
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from tests.bench.admin_seed import fill

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM vouchers_hotel")
        is_empty = not cursor.fetchone()[0]
    if is_empty:
        began = time.perf_counter()
        counts = fill(options.vouchers)
        print(f"filled in {time.perf_counter() - began:.0f} s: {counts}", flush=True)
    timed = []
    for each in walk(options.only, options.staff):
        timed.append(each)
        if options.verbose:
            print(each.told(), flush=True)
    if options.sql:
        for each in sorted(timed, key=lambda each: -each.took)[: options.shown]:
            print(each.told(), "\n    ", max(each.statements, default=0), each.slowest[:1500])
    return 1 if report(timed, options.limit, shown=options.shown) else 0


if __name__ == "__main__":
    sys.exit(main())
