# One command for everything; each sets up what it needs, once.
#   make demo   the main job on the replica        make test   all tests
#   make check  format, lint, types, fast tests    make help   the other targets

PYTHON ?= python3
BIN := .venv/bin
PY := $(BIN)/python
# The lock has everything there is to install, so nothing is looked up.
PIP := $(PY) -m pip install --quiet --disable-pip-version-check --no-deps
export PATH := $(CURDIR)/$(BIN):$(PATH)
# What Python compiled is kept, whatever the shell says: tests start this program, and each other, many times.
unexport PYTHONDONTWRITEBYTECODE
READY := .venv/.ready node_modules/.ready
FAST := tests/core tests/market tests/shell tests/research tests/test_architecture.py tests/test_docs.py tests/test_runbook.py \
	tests/test_deploy.py

.PHONY: help setup demo test test-pure test-ports test-contracts test-venues test-hostile test-fork \
	test-attacks test-chaos fuzz mutate-module check lint format bench artifacts lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## install the pinned packages, once
	@$(MAKE) --question $(READY) || $(MAKE) --no-print-directory --jobs 2 $(READY)

.venv/.ready: requirements.lock pyproject.toml
	@echo "==> Python packages into .venv (a minute or two, once)"
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 13) else \
	  "Python 3.11 or 3.12 is needed (eth-ape has no newer one), found " + sys.version.split()[0] + ": make PYTHON=python3.12 …")'
	@test -x $(PY) || $(PYTHON) -m venv .venv
	@$(PIP) --no-compile --require-hashes --requirement requirements.lock
	@$(PIP) --config-settings editable_mode=compat --editable .
	@$(PY) -W ignore -m compileall -qq -j 2 -x /tests/ .venv/lib rebalancer || true  # pip takes one core for it
	@touch $@

node_modules/.ready: package.json package-lock.json
	@echo "==> Contract bytecode and anvil into node_modules (a few seconds, once)"
	@command -v npm >/dev/null || { echo "npm is not on PATH: install Node.js 20 or newer"; exit 1; }
	@npm ci --silent --no-progress
	@touch $@

demo: setup ## the main job, whole and real, on the replica
	@$(BIN)/rebalancer demo

# Two at once, the longest first, so that none is left over at the end: most of their tests wait for a chain.
test: setup ## all tests
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=line test-ports test-pure test-contracts test-venues test-fork

test-pure: setup ## pure tests: no chain
	@echo "==> pure tests"
	@$(PY) -m pytest -p no:ape_test -q -n 2 --dist worksteal -m "not slow" $(FAST)

test-ports: setup ## adapters and the command line on a real chain
	@echo "==> adapters on the replica"
	@$(PY) -m pytest -p no:ape_test -q -n 3 --dist loadfile --no-loadscope-reorder -m "not slow" tests/ports

test-contracts: setup ## contracts on a real chain, and every attack on the module
	@echo "==> contracts on the replica"
	@$(PY) -m pytest -p no:ape_test -q -n 2 --dist loadfile --no-loadscope-reorder -m "not slow" tests/contracts

test-venues: setup ## venues asked over HTTP: their servers over the replica, how they are asked, and who misbehaves
	@echo "==> venues outside"
	@$(PY) -m pytest -p no:ape_test -q -n 2 --dist worksteal tests/venues/hostile tests/venues/test_*.py

test-hostile: setup ## venues that misbehave, each in one way, and the rule that refused it
	@echo "==> hostile venues"
	@$(PY) -m pytest -p no:ape_test -q -n 2 tests/venues/hostile

test-fork: setup ## ape test on a fork: of the replica, or of mainnet where ETH_RPC_URL is set
	@echo "==> fork tests with ape"
	@$(PY) scripts/test_fork.py

test-attacks: setup ## every attack on the module, and the wall that stopped it
	@echo "==> attacks on the module"
	@$(PY) -m pytest -p no:ape_test -q -n 2 --every-attack tests/contracts/attacks

test-chaos: setup ## what `make test` leaves out: each rule's other wallets, signals, steps, Safes; random kills; 10,000 markets
	@echo "==> the other wallets, signals, steps and Safes, keepers killed at random, ten thousand markets"
	@$(PY) -m pytest -p no:ape_test -q -n 2 -m slow tests/contracts tests/ports tests/market tests/research

fuzz: setup ## the module against its model, 2,000 runs, other ones each time
	@REBALANCER_FUZZ_RUNS=2000 $(PY) -m pytest -p no:ape_test -q tests/contracts/test_module_machine.py

mutate-module: setup ## the module without each of its checks in turn: an attack must notice
	@$(PY) scripts/mutate_module.py

check: setup lint ## format, lint, types, artifacts, fast tests
	@echo "==> artifacts match their sources"
	@$(PY) scripts/compile_contracts.py --check
	@$(MAKE) --no-print-directory test-pure

lint: setup ## format, lint, types
	@echo "==> format and lint"
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@echo "==> mypy --strict"
	@$(BIN)/mypy --no-error-summary

format: setup ## mend format and lint
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

bench: setup ## every benchmark, one JSON object each
	@for b in scripts/bench/*.py; do echo "==> $$b"; $(PY) $$b --json; done

artifacts: setup ## compile contracts/ into rebalancer/artifacts/
	@$(PY) scripts/compile_contracts.py

lock: ## pin anew, from pyproject.toml, with hashes and without the address of any registry
	@$(PYTHON) -m venv .build/lock && .build/lock/bin/pip install --quiet pip-tools
	@.build/lock/bin/pip-compile --quiet --extra dev --extra research --generate-hashes --allow-unsafe --strip-extras --no-header \
	  --no-annotate --no-emit-options --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	  --output-file requirements.lock pyproject.toml
	@.build/lock/bin/pip-compile --quiet --constraint requirements.lock --generate-hashes --allow-unsafe --strip-extras \
	  --no-header --no-annotate --no-emit-options --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	  --output-file deploy/requirements.lock pyproject.toml

clean: ## remove what setup and the tests made
	@rm -rf .venv node_modules .build .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis
