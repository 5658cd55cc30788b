"""Migrations: while the old code and the new run side by side, neither is broken, and nobody waits."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, models
from django.db.migrations import AddConstraint, CreateModel, Migration, RunPython
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django_migration_linter import MigrationLinter
from django_migration_linter.sql_analyser import analyse_sql_statements

from portal.migration_steps import AddIndexGently, index_on_postgresql

on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one machine alone")

# What the linter has no reason to ask for here: `_apps` is an argument that nothing reads.
LEFT_OUT = ["RUNPYTHON_ARGS_NAMING_CONVENTION"]
BEFORE_RELEASE = "made before the first release: no earlier code runs beside it, and no table is large"
# What is accepted, by migration, and why. A column that the code of the release before does not name any
# more may be dropped, or forbid NULL at last: with that reason, here.
ACCEPTED: dict[tuple[str, str], tuple[set[str], str]] = {
    ("bookings", "0007_holds"): ({"NOT_NULL", "CREATE_INDEX", "CREATE_INDEX_EXCLUSIVE"}, BEFORE_RELEASE),
    ("bookings", "0009_every_mail_has_a_hotel"): ({"NOT_NULL"}, BEFORE_RELEASE),
    ("events", "0002_journal_order"): (
        {"ADD_UNIQUE", "ADD_CONSTRAINT", "CREATE_INDEX", "CREATE_INDEX_EXCLUSIVE"},
        BEFORE_RELEASE,
    ),
    ("vouchers", "0005_claim_epoch"): ({"NOT_NULL"}, BEFORE_RELEASE),
    ("vouchers", "0007_one_index_of_holders"): ({"DROP_INDEX"}, BEFORE_RELEASE),
}


def migrations() -> list[Migration]:
    """Return our own migrations, but for those that make the tables."""
    ours = {app.label for app in apps.get_app_configs() if (settings.BASE_DIR / app.name).is_dir()}
    found = MigrationLoader(None).disk_migrations.values()
    return [migration for migration in found if migration.app_label in ours and not migration.initial]


def codes_of(linter: MigrationLinter, migration: Migration) -> set[str]:
    statements = linter.get_sql(migration.app_label, migration.name)
    found = analyse_sql_statements(linter.sql_analyser_class, statements, LEFT_OUT)
    errors, _left_out, warnings = found
    told_errors, _left_out, told_warnings = linter.analyse_data_migration(migration)
    codes = {issue.code for issue in (*errors, *warnings, *told_errors, *told_warnings)} - set(LEFT_OUT)
    made = {step.name_lower for step in migration.operations if isinstance(step, CreateModel)}
    # The linter lets pass that all rows are checked while nobody may write.
    if any(isinstance(s, AddConstraint) and s.model_name_lower not in made for s in migration.operations):
        codes.add("ADD_CONSTRAINT")
    return codes


@on_postgresql
@pytest.mark.django_db
def test_every_migration_lets_the_code_before_it_go_on_and_holds_nobody_up() -> None:
    linter = MigrationLinter(no_output=True, analyser_string="postgresql", exclude_migration_tests=LEFT_OUT)
    found = {(found.app_label, found.name): codes_of(linter, found) for found in migrations()}
    assert {name: codes for name, codes in found.items() if codes} == {
        name: codes for name, (codes, _why) in ACCEPTED.items()
    }


def test_what_is_not_undone_when_it_is_broken_off_can_be_begun_again() -> None:
    gentle = [migration for migration in migrations() if not migration.atomic]
    assert len(gentle) >= 7
    for migration in gentle:
        steps = {type(step) for step in migration.operations}
        assert steps <= {AddIndexGently, RunPython}, f"{migration}: columns belong into one of their own"


# Indexes that are built while others write

NAME = "bookings_tried"


@pytest.fixture
def step(transactional_db: None) -> Iterator[Any]:
    """What adds an index, and takes it away in the end."""
    # The state that a migration stands on: the tables, without this index.
    state = ProjectState.from_apps(apps)
    made = AddIndexGently("booking", models.Index(fields=["created_at"], name=NAME))

    def run(*, forwards: bool = True) -> None:
        with connection.schema_editor(atomic=False) as editor:
            (made.database_forwards if forwards else made.database_backwards)(
                "bookings", editor, state, state
            )

    yield run
    if NAME in indexes():
        run(forwards=False)


def indexes() -> set[str]:
    with connection.cursor() as cursor:
        return set(connection.introspection.get_constraints(cursor, "bookings_booking"))


def ask(query: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone() if cursor.description else None


def test_an_index_that_stands_is_left_when_its_migration_is_begun_again(step: Any) -> None:
    step()
    assert NAME in indexes()
    step()
    assert NAME in indexes()
    step(forwards=False)
    assert NAME not in indexes()


@on_postgresql
def test_an_index_whose_building_was_broken_off_is_built_anew(step: Any) -> None:
    step()
    whole = f"SELECT indisvalid, indexrelid FROM pg_index WHERE indexrelid = '{NAME}'::regclass"
    _is_valid, first = ask(whole)
    ask(f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{NAME}'::regclass")
    step()
    is_valid, second = ask(whole)
    assert is_valid
    assert second != first
    step()
    assert ask(whole) == (True, second)


@on_postgresql
def test_an_index_of_postgresql_alone_is_begun_again_too(transactional_db: None) -> None:
    made: Any = index_on_postgresql(NAME, "bookings_booking USING brin (created_at)")
    whole = f"SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('{NAME}')"
    for number in range(3):
        if number == 1:
            ask(f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{NAME}'::regclass")
        with connection.schema_editor(atomic=False) as editor:
            made.code(None, editor)
        assert ask(whole) == (True,)
    with connection.schema_editor(atomic=False) as editor:
        made.reverse_code(None, editor)
    assert ask(whole) is None
