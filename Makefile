# Two commands are enough: `make serve` and `make test`. Everything runs in a virtual environment of its own, .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CLUSTER := .venv-cluster

PIN := $(BIN)/pip-compile --quiet --extra demo --extra dev --extra otel --strip-extras --generate-hashes --allow-unsafe \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header

# Processes that are started by the hundred need not compile each time what they import.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help serve test cluster-test check demo docs bench soak fuzz format lock clean

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

serve: $(READY) ## Start PostgreSQL, API and worker; print a token and a first curl line
	@exec $(BIN)/schemaledger serve

test: $(READY) ## Run every test but the benchmarks, in parallel, warnings as errors
	$(BIN)/python -m pytest -n 2

cluster-test: $(CLUSTER)/.ready ## Run the tests that need Ray, an S3 server or Go, in an environment of their own
	$(CLUSTER)/bin/python -m pytest tests/api/test_ray.py tests/api/test_object_stores.py tests/domain/audit/test_go.py

check: $(READY) ## Format, lint, types, import contracts, tests: what CI runs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) test

demo: $(READY) ## Migrate the flights of 2013, and prove what became of them
	$(BIN)/schemaledger demo

docs: $(READY) ## Make the reference pages anew from the code and from what it does
	$(BIN)/python -m tests.docs

bench: $(READY) ## Measure beside the peers; NAME=append runs one
	$(BIN)/python -m benchmarks $(NAME)

soak: $(READY) ## Hurt a whole installation at random for long; STEPS=500 SEED=1
	$(BIN)/python -m tests.acceptance.chaos.run --steps $(or $(STEPS),500) $(if $(SEED),--seed $(SEED))

fuzz: $(READY) ## Call everything that is published with generated data; EXAMPLES=200 WALKS=200
	$(BIN)/python -m tests.acceptance.fuzzing --examples $(or $(EXAMPLES),200) --walks $(or $(WALKS),200)

format: $(READY) ## Format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(READY) ## Pin every dependency anew, with hashes
	$(PIN) --output-file requirements.lock pyproject.toml
	$(PIN) --extra ray --extra stores --extra reference --output-file requirements-cluster.lock pyproject.toml

clean: ## Remove the virtual environment and caches; the data folder stays
	rm -rf $(VENV) $(CLUSTER) build *.egg-info .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(READY): requirements.lock
$(CLUSTER)/.ready: requirements-cluster.lock
%/.ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv $*
	$*/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $(filter %.lock,$^)
	$*/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$*/bin/python -m compileall -q domain adapters api
	@touch $@
