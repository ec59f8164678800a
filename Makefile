# `make demo` and `make test` are all a newcomer needs; each makes .venv first when it is missing.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
export CLIFFHANGER_DATA ?= $(CURDIR)/data
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export GX_ANALYTICS_ENABLED := false

FAULTS ?=
DEMO_VIEWERS ?= 30000
DEMO_DAYS ?= 120
DEMO_SEED ?= 1
# The demo's clock stands where its logs end, so that nothing in it is called late or stale.
END_OF_WORLD := import json, pathlib, sys; print(json.loads(pathlib.Path(sys.argv[1], "truth", "parameters.json").read_text())["ends_at"])

.PHONY: help demo test test-full faults check bench sync lock ui docs clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else "Python 3.11, 3.12 or 3.13 is needed; this is %d.%d. Name another with: make PYTHON=python3.12" % v)'
	@echo "installing the locked dependencies into .venv (once)"
	@rm -rf .venv && $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## a simulated world through the whole line: logs in, released warehouse, closed months and reports out
	@if [ ! -e "$$CLIFFHANGER_DATA/truth/parameters.json" ]; then \
	  if [ -e "$$CLIFFHANGER_DATA/landing" ]; then \
	    echo "$$CLIFFHANGER_DATA holds other data; name another folder with: make demo CLIFFHANGER_DATA=/some/folder" >&2; exit 2; fi; \
	  rm -rf "$$CLIFFHANGER_DATA/world" && mkdir -p "$$CLIFFHANGER_DATA"; \
	  $(BIN)/cliffhanger simulate --viewers $(DEMO_VIEWERS) --days $(DEMO_DAYS) --seed $(DEMO_SEED) --out "$$CLIFFHANGER_DATA/world"; \
	  mv "$$CLIFFHANGER_DATA"/world/* "$$CLIFFHANGER_DATA"/ && rmdir "$$CLIFFHANGER_DATA/world"; fi
	@export CLIFFHANGER_NOW="$${CLIFFHANGER_NOW:-$$($(BIN)/python -c '$(END_OF_WORLD)' "$$CLIFFHANGER_DATA")}"; \
	for step in run "close --complete" run "report build"; do $(BIN)/cliffhanger $$step; done

test: $(READY) ## all tests that finish in minutes
	@$(BIN)/python -m pytest

test-full: $(READY) ## every test: also further seeds, drills and runs that take minutes each
	@$(BIN)/python -m pytest -m "full or not full"

faults: $(READY) ## 200 kills and 1,000 failing I/O calls, compared with an oracle (half an hour; goes on where it was stopped; FAULTS="--kills 50")
	@PYTHONPATH=tests/faults $(BIN)/python -m fault_trials $(FAULTS)

check: $(READY) ## lint, format, types, imports, rendered files
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q tests/unit/test_contracts.py

bench: $(READY) ## ingest and full build against plain DuckDB, and small files, on 10 million view events (half an hour on a quiet machine)
	@$(BIN)/python -m benchmarks

sync: $(READY) ## render what follows from the contracts
	@$(BIN)/python -m dagster_project.contracts.render

lock: $(READY) ## resolve the dependencies anew (needs uv and a package index)
	@uv pip compile pyproject.toml --extra ui --extra test --universal --generate-hashes --no-emit-index-url \
	  --no-strip-extras --python-version 3.11 --custom-compile-command "make lock" -o requirements.lock

ui: $(READY) ## Dagster's pages on the loopback address
	@$(BIN)/python -m dagster_project.cli ui

docs: $(READY) ## rendered dictionary and dbt's pages
	@$(BIN)/python -m dagster_project.contracts.render
	@$(BIN)/python -m dagster_project.cli docs

clean: ## remove what the tools leave behind; data stays
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis build dbt/target dbt/logs logs
