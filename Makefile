# The commands of the project. A machine needs Python 3.11 or newer and make; all else is fetched by the first
# command. Another Python: `make run PYTHON=python3.12`.

PYTHON ?= python3
BIN := .venv/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard voucher_service/translations/*/LC_MESSAGES/*.po))
UV := $(shell command -v uv 2>/dev/null)
# Universal: one list for every Python from 3.11.0 on and every system, with markers where they differ.
COMPILE := $(or $(UV),.cache/lock/bin/uv) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock" $(UPGRADE)

.DEFAULT_GOAL := help
.PHONY: drill-api drill-bombs drill-statements drill-pins help install run test lint format words lock bench screenshots pictures drill-ledger drill-offline drill-delivery drill-workers drill-tamper clean check-python dev runtime

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: dev ## prepare .venv with everything, for work on the code

# An empty place is filled with the demonstration; `make run DEMO=0` starts a real, empty programme.
run: runtime ## start the service (PORT, HOST, DATA_DIR, DATABASE_URL, REDIS_URL, DEMO=0 from the environment)
	@DEMO=$${DEMO:-1} exec $(BIN)/python -m flask --app wsgi serve

test: dev ## every check: style, types, import rules, tests in a real browser and on real servers
	@$(BIN)/python -m tests.browser.install_chromium
	@$(BIN)/python -m tests.checks

lint: dev ## style, types and import rules only
	@$(BIN)/python -m tests.checks --quick

format: dev ## put the code in the house style
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

words: dev ## bring the catalogues of translations up to date with the source; then translate what is empty
	$(BIN)/python -m tests.guards.catalogue

bench: dev ## the side-by-side benchmarks
	$(BIN)/python -m bench

screenshots: dev ## take the pictures of the README again, from a demonstration of their own
	@$(BIN)/python -m tests.browser.install_chromium
	@$(BIN)/python -m tests.browser.screenshots

pictures: dev ## a picture of every page, telephone and desk, light and dark: FOLDER=where (LOCALE=en-GB for English)
	@$(BIN)/python -m tests.browser.install_chromium
	@$(BIN)/python -m tests.browser.every_page_pictures $(FOLDER)

STEPS ?= 10000
drill-ledger: dev ## random lives of vouchers against a model, STEPS=10000 on each database (SEED= to repeat one)
	$(BIN)/python -m tests.properties.campaign $(STEPS) $(SEED)

DELIVERIES ?= 1000000
drill-delivery: dev ## deliveries through a partner's bad days in virtual time, DELIVERIES=1000000 (SEED= to repeat)
	$(BIN)/python -m tests.drills.deliveries $(DELIVERIES) $(SEED)

HTTP_DELIVERIES ?= 10000
drill-workers: dev ## deliveries over HTTP while workers and the broker are killed, HTTP_DELIVERIES=10000
	$(BIN)/python -m tests.drills.workers $(HTTP_DELIVERIES)

ROWS ?= 500
drill-tamper: dev ## tamper with every byte of the sealed books as the database's owner, ROWS=500 on each database
	$(BIN)/python -m tests.seal.campaign $(ROWS)

WEEKS ?= 2000
drill-offline: dev ## weeks of devices without a network, WEEKS=2000 of 20 devices (FIRST= the first seed)
	nice -n 10 $(BIN)/python -m tests.offline.weeks $(WEEKS) $(FIRST)

drill-bombs: dev ## files made to eat memory or time, sent to a server that really runs
	$(BIN)/python -m tests.bombs

CODES ?= 10000
drill-pins: dev ## every PIN of a lot of CODES=10000 looked for in all that a full run leaves behind
	@$(BIN)/python -m tests.browser.install_chromium
	$(BIN)/python -m tests.drills.pins $(CODES)

EXAMPLES ?= 2000
JOBS ?= 2
drill-api: dev ## ask the partners' API whatever its description allows, and much it does not, EXAMPLES=2000 as everyone (SEED= JOBS=2)
	nice -n 10 $(BIN)/python -m tests.api_drill $(EXAMPLES) $(or $(SEED),1) $(JOBS) $(or $(ON),sqlite)

SEEDS ?= 200
drill-statements: dev ## spoil statements with every kind of fault, SEEDS=200 small ones and a larger, on each database
	$(BIN)/python -m tests.flows.reconciliation.campaign $(SEEDS)

lock: check-python ## compile requirements*.in into pinned, hashed requirements*.txt (UPGRADE=--upgrade for the newest)
	@[ -n "$(UV)" ] || [ -x .cache/lock/bin/uv ] || { $(PYTHON) -m venv .cache/lock && .cache/lock/bin/python -m pip install --quiet uv; }
	$(COMPILE) requirements.in -o requirements.txt
	$(COMPILE) requirements-dev.in -o requirements-dev.txt

clean: ## remove what the commands made (.venv, caches); data in var/ stays
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find admin integrations tests voucher_service -name __pycache__ -type d -prune -exec rm -rf {} +
	find voucher_service -name '*.mo' -delete

check-python:
	@command -v $(PYTHON) >/dev/null || { echo "There is no program '$(PYTHON)'. Install Python 3.11 or newer, or name yours: make PYTHON=python3.12"; exit 1; } >&2
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Name a newer one: make PYTHON=python3.12"; exit 1; } >&2
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "'$(PYTHON)' cannot make virtual environments (its modules venv and ensurepip are missing). On Debian or Ubuntu: apt-get install python3-venv"; exit 1; } >&2

runtime: .venv/runtime.stamp $(CATALOGUES)

dev: .venv/dev.stamp $(CATALOGUES)

# A stamp older than its requirements makes pip look again. A .venv whose Python is gone is made afresh.
.venv/runtime.stamp: requirements.txt
	@$(MAKE) --no-print-directory check-python
	@$(BIN)/python -c '' 2>/dev/null || { echo "Preparing .venv (once)…"; $(PYTHON) -m venv --clear .venv; }
	@echo "Installing what the service runs on…"
	@$(PIP_INSTALL) -r requirements.txt
	@touch $@

.venv/dev.stamp: requirements-dev.txt .venv/runtime.stamp
	@echo "Installing what the checks run on…"
	@$(PIP_INSTALL) -r requirements-dev.txt
	@touch $@

%.mo: %.po .venv/runtime.stamp
	@$(BIN)/pybabel --quiet compile -i $< -o $@
