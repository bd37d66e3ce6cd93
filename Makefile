# The words a person types. Each sets up all it needs by itself; nothing here needs root, Docker or a server.
SHELL := /bin/bash
PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin
SET_UP := .venv/.set-up

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types layers secrets weaknesses audit fuzz golden bench chaos lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(SET_UP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements.lock
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

demo: $(SET_UP) ## watch approved invoices become Epicor AP invoices, on this machine, in about a minute
	@$(BIN)/ml-connector demo

test: $(SET_UP) ## unit, golden, integration and acceptance tests, on a real broker and database
	@$(BIN)/python -m pytest -n 2 --dist loadfile

check: lint types layers secrets weaknesses test ## all that CI runs

lint: $(SET_UP)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: $(SET_UP)
	@$(BIN)/mypy

layers: $(SET_UP)
	@$(BIN)/lint-imports --no-logo

secrets: $(SET_UP)
	@$(BIN)/python -m checks.secret_scan

weaknesses: $(SET_UP)
	@$(BIN)/python -m checks.dependencies

audit: $(SET_UP) ## ask about known weaknesses in the dependencies, and fail where nobody can be asked
	@$(BIN)/python -m checks.dependencies --needed

fuzz: $(SET_UP) ## send the gateway whatever a stranger can think of, for some minutes
	@MLC_FUZZ=30 $(BIN)/python -m pytest -q --timeout=1800 tests/integration/webhook_gateway/test_gateway_fuzz.py

golden: $(SET_UP) ## rewrite the expected files of the golden tests; then read the diff
	@MLC_GOLDEN=write $(BIN)/python -m pytest -q tests/golden tests/unit/common/test_events.py
	@git --no-pager diff --stat -- tests/golden

bench: $(SET_UP) ## print speed figures, each beside a floor measured in the same run
	@$(BIN)/python -m bench

SECONDS ?= 1800
SEED ?= 1
chaos: $(SET_UP) ## faults at random moments under load for SECONDS=1800, by SEED=1; then all books are compared
	@$(BIN)/python -m chaos --seconds $(SECONDS) --seed $(SEED)

lock: $(SET_UP) ## pin the dependencies anew, with hashes
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate --extra all --group dev pyproject.toml --output-file requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate --extra console --constraint requirements.lock pyproject.toml \
	  --output-file deploy/requirements.lock
	@sed -n 's/^requires = \["\(.*\)"\]/\1/p' pyproject.toml \
	  | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate --constraint requirements.lock --output-file deploy/build.lock -

clean: ## remove what the other words made
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
