# What a stranger needs: demo, demo-down, test, test-all, check, simulate, fuzz, bench, golden. Everything runs from .venv, which is
# made from requirements.lock.
.PHONY: help venv demo demo-down check test test-all test-tools availability simulate bench golden lint fuzz
.NOTPARALLEL:
BIN := .venv/bin

help:
	@echo "make demo       three real nodes on this machine, one service, a URL that answers"
	@echo "make demo-down  take all of it away"
	@echo "make check      lint, types, layers, unit tests and properties (no lab)"
	@echo "make test       check, and the end-to-end tests on the lab: what CI runs"
	@echo "make test-all   every row of every table"
	@echo "make availability   what clients notice of each kind of change and fault, as a table (needs an idle machine)"
	@echo "make simulate   WORLDS=10000 SEED=1: simulated bad days, and what was met in them"
	@echo "make fuzz       N=1000000 hostile inputs against every border; what breaks one is kept in .fuzz/"
	@echo "make bench      ratios against peers"
	@echo "make golden     write the reviewed files anew: plans, screens, rendered trees, key tables"

venv:
	@sh scripts/bootstrap.sh

demo: venv
	@sh scripts/demo.sh

demo-down: venv
	@sh scripts/demo-down.sh

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

FAST := tests/unit tests/laws tests/plans tests/golden tests/bad_input tests/simulation

# Properties draw a sixth of their examples here.
check: lint
	DYNIA_QUICK=1 $(BIN)/python -m pytest -q -n 2 -m "not lab and not slow and not worlds" $(FAST)

test-tools:
	@sh scripts/test-tools.sh

WORLDS := 1000
SEED := 1

simulate: venv
	$(BIN)/python -m tests.simulation --worlds $(WORLDS) --seed "$(SEED)"

test: lint test-tools
	$(BIN)/python -m pytest -q -n 2 -m "not lab and not slow"
	$(BIN)/python -m pytest -m "lab and not slow"

test-all: lint test-tools
	$(BIN)/python -m pytest -q -n 2 -m "not lab"
	$(BIN)/python -m pytest -m "lab"

availability: venv
	DYNIA_TIMED=1 $(BIN)/python -m pytest tests/e2e/test_availability.py

golden: venv
	$(BIN)/python -m tests.plans.cases
	$(BIN)/python -m tests.unit.files.key_tables
	DYNIA_UPDATE_GOLDEN=1 $(BIN)/python -m pytest -q tests/golden tests/unit/screens
	@git status --short tests docs

N := 20000
fuzz: venv test-tools
	$(BIN)/python -m tests.fuzz $(N) --seed "$(SEED)"

bench: venv
	$(BIN)/python -m bench
