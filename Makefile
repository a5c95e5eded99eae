# Everything a person does with this checkout. `make help` lists it. Needs Python 3.11 or newer; the rest is installed into
# .venv, pinned by hash (see tools/setup.sh). Works from any path, with or without a terminal.

SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON_BIN := .venv/bin/python
PYTEST_ARGS ?=
# Processes that share the suite: `auto` is one a core; 0 runs it in one, for a debugger.
WORKERS ?= auto
BENCH_ARGS ?=

.PHONY: help
help:  ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: setup
setup:  ## .venv with what running needs
	@tools/setup.sh run

.PHONY: dev
dev:  ## .venv with what testing needs as well
	@tools/setup.sh dev

.PHONY: run
run: setup  ## the router with the example rules and a local PagerDuty stand-in, until Ctrl-C
	@exec .venv/bin/alert-router demo

.PHONY: test
test: dev  ## the whole test suite (installs Prometheus and Alertmanager from Debian, services off)
	@tools/setup.sh packages
	$(PYTHON_BIN) -m pytest -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

.PHONY: simulate
simulate: dev  ## SEEDS=1000 runs of the whole router in virtual time, from seed FIRST=0; each says how to see it again
	$(PYTHON_BIN) -m tests.simulation --seeds $(or $(SEEDS),1000) --first $(or $(FIRST),0)

.PHONY: prove
prove: dev  ## a million streams through windows, every zone's transitions, a thousand route trees against amtool (15 minutes)
	@tools/setup.sh packages
	$(PYTHON_BIN) -m tests.support.windows --streams $(or $(STREAMS),1000000)
	ALL_ZONES=1 $(PYTHON_BIN) -m pytest -q --timeout=1800 tests/property/test_schedule_zones.py
	IMPORT_RACES=1000 $(PYTHON_BIN) -m pytest -q --timeout=1800 tests/property/test_importing.py

.PHONY: lint
lint: dev  ## ruff: all its rules, those of bandit among them, and format
	$(PYTHON_BIN) -m ruff check .
	$(PYTHON_BIN) -m ruff format --check .

.PHONY: types
types: dev  ## mypy, strict
	$(PYTHON_BIN) -m mypy

.PHONY: contracts
contracts: dev  ## who may import whom
	.venv/bin/lint-imports

.PHONY: audit
audit: dev  ## ask the package index whether what is pinned has known holes (needs the network)
	@tools/audit.sh

.PHONY: coverage
coverage: dev  ## the suite under branch coverage: the pure rooms 100 %, all 95 %
	@tools/setup.sh packages
	@tools/coverage.sh

.PHONY: check
check: lint types contracts test  ## all that has to pass before a change is handed in

.PHONY: bench
bench: dev  ## measure against Debian's Alertmanager, write docs/benchmarks/ (about 30 minutes)
	@tools/setup.sh packages
	$(PYTHON_BIN) -m tests.benchmarks $(BENCH_ARGS)

.PHONY: lock
lock: dev  ## write the lock files anew from pyproject.toml
	@tools/lock.sh

.PHONY: clean
clean:  ## remove what was built or cached, and the demo's data; keep configuration and other data
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis htmlcov dist data/demo
	rm -f .coverage .coverage.*
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
