# Everything runs in .venv, which the targets make themselves; only python3, git and make are needed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CASES ?= 10000

.DEFAULT_GOAL := help
.PHONY: help demo test test-unit check fix fuzz bench docs clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/.installed: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing Wakeful into $(VENV) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing the tools for tests and checks into $(VENV) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(VENV)/.installed ## Start the platform and show the hello world: zero, awake, five instances, zero
	@$(BIN)/wakeful demo

test: $(VENV)/.installed-dev ## Run all tests: unit, integration, end-to-end
	@tools/need kubectl curl
	$(BIN)/pytest -n 2 --dist loadgroup tests/unit tests/integration
	$(BIN)/pytest -n 2 --dist loadfile -p no:randomly tests/e2e

test-unit: $(VENV)/.installed-dev ## Run the fast tests only
	$(BIN)/pytest -n 2 tests/unit

check: $(VENV)/.installed-dev ## Formatting, lint, types, import contracts, documentation
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python tools/check_docs.py --static

fix: $(VENV)/.installed-dev ## Format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

fuzz: $(VENV)/.installed-dev ## Send CASES malformed objects to the API server
	WAKEFUL_FUZZ_CASES=$(CASES) $(BIN)/pytest --timeout 3600 tests/unit/apiserver tests/integration/apiserver -k fuzz

bench: $(VENV)/.installed-dev ## Run every benchmark; each prints ratios measured in one run
	$(BIN)/python benchmarks/run.py

docs: $(VENV)/.installed-dev ## Check the documentation, and run the pages that can be run
	@tools/need kubectl
	$(BIN)/python tools/check_docs.py

clean: ## Remove the environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
