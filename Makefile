# The commands of this project. `make run` and `make test` set up all that they need.
.DEFAULT_GOAL := help
VENV := .venv/bin
# A variable that is set to nothing is not set.
PYTHON := $(or $(PYTHON),python3)
# Tests are shared out among processes, one for each core and one more; ARGS="-n 0" runs them in one.
SHARED := -n auto --dist loadgroup
# A process starts a fifth to a third sooner when what was compiled is kept; some containers switch that off.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run serve test test-rest test-all test-postgresql soak faults machine bench bench-compare bench-admin bench-memory bench-presence screens check checks format setup pins messages

help: ## list these targets
	@awk -F ':[^#]*## ' '/^[a-z-]+:[^=]*## / { printf "make %-16s %s\n", $$1, $$2 }' Makefile

run: ## set up, load demo data and serve on http://127.0.0.1:8000 (PORT=8001 for another port)
	@$(PYTHON) tools/setup.py runtime
	@exec $(VENV)/python tools/serve.py

serve: ## serve with this environment's settings: web server and worker (run `manage.py prepare` first)
	@$(PYTHON) tools/setup.py runtime
	@exec $(VENV)/python manage.py serve

test: setup ## run the tests in minutes: every unit test, one of each family of the others (tests whose tools are missing are skipped with a reason)
	@$(VENV)/python -m pytest $(SHARED) -m "unit or (sample and not postgresql)" $(ARGS)

test-rest: setup ## run the races, journeys and faults that `make test` leaves out
	@$(VENV)/python -m pytest $(SHARED) -m "system and (postgresql or not sample)" $(ARGS)

test-all: setup ## run every test but the soak, on both databases (half an hour)
	@$(VENV)/python -m pytest $(SHARED) -m "not soak" $(ARGS)
	@$(VENV)/python -m tests.on_postgresql $(SHARED) $(ARGS)

test-postgresql: setup ## run the unit tests on a throwaway PostgreSQL
	@$(VENV)/python -m tests.on_postgresql $(SHARED) $(ARGS)

soak: setup ## run everything with new seeds, at other hours, faults in 20 rounds, and measure (hours; `machine` needs root)
	@SOAK=1 MACHINE=1 $(VENV)/python -m pytest --timeout 0 $(ARGS)
	@$(MAKE) bench

faults: setup ## inject faults under load and count losses (20 rounds, over an hour; ROUNDS=1 takes ten minutes)
	@FAULT_ROUNDS=$${ROUNDS:-20} $(VENV)/python -m pytest --timeout 0 -s tests/faults $(ARGS)

machine: setup ## install on Debian in a container as docs/operations.md describes, then inject faults (root; needs debootstrap, systemd-container)
	@MACHINE=1 $(VENV)/python -m pytest --timeout 0 tests/machine $(ARGS)

bench: export SECRET_KEY = only-for-the-benchmark-0123456789-abcdefghijklmnopqrstuvwxyz
bench: setup ## measure the portal against a bare view (ARGS="--sizes 1000,100000,1000000" takes long)
	@$(VENV)/python manage.py collectstatic --noinput --verbosity=0
	@$(VENV)/python -m tests.bench.run $(ARGS)

bench-compare: export SECRET_KEY = only-for-the-benchmark-0123456789-abcdefghijklmnopqrstuvwxyz
bench-compare: setup ## measure this tree and another revision in turn (BASE=main)
	@$(VENV)/python manage.py collectstatic --noinput --verbosity=0
	@$(VENV)/python -m tests.bench.run --base $${BASE:-main} $(ARGS)

bench-admin: export SECRET_KEY = only-for-the-benchmark-0123456789-abcdefghijklmnopqrstuvwxyz
bench-admin: setup ## measure every list of the admin with a million vouchers on PostgreSQL (takes many minutes)
	@$(VENV)/python manage.py collectstatic --noinput --verbosity=0
	@$(VENV)/python -m tests.bench.admin $(ARGS)

bench-memory: export SECRET_KEY = only-for-the-benchmark-0123456789-abcdefghijklmnopqrstuvwxyz
bench-memory: setup ## measure a web worker's memory after an hour of load (ARGS="--minutes 10")
	@$(VENV)/python manage.py collectstatic --noinput --verbosity=0
	@$(VENV)/python -m tests.bench.memory $(ARGS)

bench-presence: setup ## measure who is online, under load and as it grows (takes minutes; ARGS="--engine redis")
	@$(VENV)/python -m tests.bench.presence $(ARGS)

screens: export SECRET_KEY = only-for-pictures-0123456789-abcdefghijklmnopqrstuvwxyz-AB
screens: setup ## write screenshots of the guest pages to docs/screens/ (ARGS="--all FOLDER" for every state)
	@$(VENV)/python -m tests.screens $(ARGS)

check: checks test-all ## everything that CI checks

# The settings want a key to be imported at all; this one signs nothing.
checks: export SECRET_KEY = only-for-checks-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEF
checks: export DATABASE_URL = sqlite://:memory:
checks: setup ## style, types, layers, templates, migrations, settings
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/lint-imports
	$(VENV)/mypy
	$(VENV)/djade --check --target-version 5.2 $$(git ls-files 'templates/*.html')
	$(VENV)/djlint --lint --quiet templates
	$(VENV)/python manage.py makemigrations --check --dry-run
	$(VENV)/python manage.py check --deploy --fail-level WARNING

format: setup ## put code and templates into shape
	$(VENV)/ruff check --fix-only .
	$(VENV)/ruff format .
	$(VENV)/djade --target-version 5.2 $$(git ls-files 'templates/*.html') || true

setup: ## install what development needs into .venv
	@$(PYTHON) tools/setup.py dev

pins: ## choose the newest versions again (needs uv)
	uv pip compile pyproject.toml --extra postgres --extra redis --extra sentry --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -q -o requirements/runtime.txt
	uv pip compile pyproject.toml --extra postgres --extra redis --extra sentry --group dev -c requirements/runtime.txt --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -q -o requirements/dev.txt

messages: setup ## gather the texts to translate (needs the gettext tools)
	SECRET_KEY=messages $(VENV)/python manage.py makemessages --no-wrap --add-location file --no-obsolete -l de -l nl -i '.venv/*' -i 'tests/*' -i 'var/*' -i staticfiles
