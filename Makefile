# FraudStream: few targets, each prints what it does. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory

VENV := .venv
PY := $(VENV)/bin/python
PYTHON ?= python3.11
ENV_STAMP := $(VENV)/.installed
# uv takes a third of pip's time; where it finds no index (its settings are its own), pip does it.
PIP_INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes
UV_INSTALL := $(VENV)/bin/uv pip install --quiet --python $(PY) --cache-dir $(VENV)/.uv --no-deps --require-hashes
# Packages are compiled when first imported: forbidden that, every process would start seconds later.
unexport PYTHONDONTWRITEBYTECODE

SECONDS ?=
TPS ?=
REPORT ?=
# bash keeps its own SECONDS: only what was given to make counts.
DEMO_ARGS := $(if $(filter command line environment,$(origin SECONDS)),$(if $(SECONDS),--seconds $(SECONDS))) \
	$(if $(TPS),--tps $(TPS)) $(if $(REPORT),--report $(REPORT))

.PHONY: help env services demo up down status test unit integration faults bench parts replay lint access canary snowflake rotation fuzz edge sbom audit secrets format clean

help: ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /|/' | awk -F'|' '{printf "  make %-12s %s\n", $$1, $$2}'

env: $(ENV_STAMP) ## Make the Python environment (.venv), exactly as pinned

$(ENV_STAMP): requirements.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: install python3.11 and python3.11-venv and run again" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "Python 3.11 is needed, but $(PYTHON) is another version: run 'make PYTHON=<path of python3.11>'" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv module is missing: install python3.11-venv and run again" >&2; exit 2; }
	@test -x $(PY) || { echo "Making $(VENV) ..."; $(PYTHON) -m venv $(VENV); }
	@cmp -s requirements.txt $(VENV)/.requirements || { echo "Installing the pinned packages (a few minutes the first time) ..."; \
		sed -n '/^uv==/,/# via/p' requirements.txt > $(VENV)/uv.txt; \
		{ $(PIP_INSTALL) -r $(VENV)/uv.txt && $(UV_INSTALL) -r requirements.txt && rm -rf $(VENV)/.uv; } \
		|| $(PIP_INSTALL) -r requirements.txt \
		|| { echo "The packages could not be installed: check the network and run again, it goes on where it stopped" >&2; exit 2; }; \
		cp requirements.txt $(VENV)/.requirements; }
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

services: env ## Fetch the embedded services (Kafka, schema registry), once
	@$(PY) -m fraudstream_platform.local.fetch
	@$(PY) -m fraudstream_platform.detection.compile

demo: services ## Run the whole pipeline with a live view; SECONDS=120 TPS=1000 REPORT=report.json runs unattended
	@$(VENV)/bin/fraudstream demo $(DEMO_ARGS)

up: services ## Start the embedded services in the background
	@$(VENV)/bin/fraudstream up

down: env ## End the embedded services; data stays
	@$(VENV)/bin/fraudstream down

status: env ## Show the embedded services
	@$(VENV)/bin/fraudstream status

# The services first: they come with compiled kernels, which the unit tests need too.
test: services unit integration ## Run all tests, the quick ones first

unit: env ## Run the tests that need no service
	@$(PY) -m pytest -q -n 2 --dist worksteal fraudstream_tests/unit

# Two files at a time, the longest first; three starve each other on two cores.
LONG_ONES := $(addprefix fraudstream_tests/,integration/test_rebuild.py integration/test_readme.py)
SHORT_ONES := $(filter-out $(LONG_ONES),$(wildcard fraudstream_tests/integration/test_*.py))

integration: services ## Run the tests against the real broker, registry and Spark
	@$(PY) -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder $(LONG_ONES) $(SHORT_ONES)

ROUNDS ?= 20
SEED ?= 1
KINDS ?=
BREAK ?=
LOG ?= faults.jsonl
faults: services ## Hurt a running pipeline, compare everything; ROUNDS=20, SEED=1, KINDS=run,worker, BREAK=name, LOG=file
	@$(PY) -m fraudstream_tests.faults --rounds $(ROUNDS) --seed $(SEED) --log $(LOG) $(if $(TPS),--tps $(TPS)) \
		$(if $(KINDS),--kinds $(KINDS)) $(if $(BREAK),--broken $(BREAK))

BENCH ?=
bench: services ## Measure latency, cost and peers; BENCH="--tps 5000 --seconds 300" (fraudstream bench --help lists all)
	@$(VENV)/bin/fraudstream bench $(BENCH)

parts: services ## What each part of a step costs a record, us
	@$(PY) -m fraudstream_tests.benchmarks.parts

replay: services ## How many records a second a successor replays from the log
	@$(PY) -m fraudstream_tests.benchmarks.replay

lint: env ## Lint, format check, types, import contracts, security lint
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-cache
	@$(VENV)/bin/bandit -q -c pyproject.toml -r fraudstream_platform

access: services ## The real broker with TLS, SCRAM and rights, the registry with TLS, and a rotation on them
	@$(PY) -m pytest -q -n0 fraudstream_tests/integration/access.py

canary: services ## Planted people through the whole stack and its faults; every byte is searched for them
	@$(PY) -m pytest -q -n0 fraudstream_tests/integration/canary.py

rotation: services ## Both keys rotate under a live stream, compared with a twin that never does; TPS=2000, REPORT=report-rotation.json
	@$(PY) -m fraudstream_tests.rotation $(if $(TPS),--tps $(TPS)) $(if $(REPORT),--report $(REPORT))

snowflake: env ## The loading of Snowflake and the whole dbt project there, on fakesnow's server
	@$(PY) -m pytest -q -n0 --timeout 900 fraudstream_tests/integration/snowflake_load.py fraudstream_tests/integration/snowflake_dbt.py

FUZZ ?= 200000
fuzz: env ## Mutated records through decode and protect; FUZZ=200000, SEED=1
	@RUST_BACKTRACE=0 $(PY) -m fraudstream_tests.fuzz --records $(FUZZ) --seed $(SEED)

# What a source needs of this repository, and no more (docs/tokens.md).
EDGE := $(addprefix fraudstream_platform/protection/,normalise.py tokens.py vault.py)
DIST ?= dist
edge: env ## Build the small wheel that sources in Python install; DIST=folder
	@mkdir -p "$(DIST)"; stage=$$(mktemp -d); trap 'rm -rf "$$stage"' EXIT; \
		cp edge/pyproject.toml LICENSE "$$stage"; cp --parents $(EDGE) "$$stage"; \
		cp schemas/token_vectors.json "$$stage/fraudstream_platform/protection"; \
		$(PY) -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir "$(DIST)" "$$stage"

sbom: env ## Write sbom.json: every component with its version and hashes (CycloneDX)
	@$(PY) -m fraudstream_tests.hygiene sbom.json && echo "sbom.json written"

audit: env ## Known weaknesses of the pinned packages, where pip-audit and its database can be reached
	@$(PY) -m fraudstream_tests.advisories

secrets: env ## Look for secrets in all tracked files
	@git ls-files -z | xargs -0 $(VENV)/bin/detect-secrets-hook --baseline .secrets.baseline

format: env ## Format the code
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

clean: ## End the services, delete the data and every cache; .venv and the fetched services stay
	@if [ -x $(VENV)/bin/fraudstream ]; then $(VENV)/bin/fraudstream reset --yes --with-audit-trail; fi
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage
	@rm -rf dbt_project/target dbt_project/logs
	@find fraudstream_platform fraudstream_tests -name __pycache__ -type d -prune -exec rm -rf {} +
