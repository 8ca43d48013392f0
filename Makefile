# Everything a person runs by hand. `make help` lists it.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
DATA ?= data
export DAGSTER_DISABLE_TELEMETRY = 1
export GX_ANALYTICS_ENABLED = false

.venv/.installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check uv==0.13.8
	$(UV) pip install --quiet --python $(BIN)/python -r requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-build-isolation --no-deps --editable .
	touch $@

# One of the clients needs Python 3.12 or later; where there is none it is left out, and its test skips.
CLIENTS := tests/simulator/clients/requirements
CLIENTS_PYTHON ?= $(firstword $(wildcard /usr/bin/python3.1[234] /usr/local/bin/python3.1[234] \
	$(HOME)/.pyenv/versions/3.1[234].*/bin/python3) $(PYTHON))

.venv-clients/.installed: $(CLIENTS).lock | .venv/.installed
	$(CLIENTS_PYTHON) -m venv --clear --without-pip .venv-clients
	$(UV) pip install --quiet --python .venv-clients/bin/python -r $<
	touch $@

# What a Ray worker needs; beside it, so that one machine need not carry it.
.venv-ray/.installed: infra/ray/requirements.lock | .venv/.installed
	$(PYTHON) -m venv --without-pip .venv-ray
	$(UV) pip install --quiet --python .venv-ray/bin/python -r $<
	touch $@

.PHONY: help setup clients cluster up down demo-days test soak check bench lock format

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

setup: .venv/.installed ## Install everything, pinned, into .venv

clients: .venv-clients/.installed ## Install the clients of others that the simulator is proved with

# Spark stands apart: beside Great Expectations it ends a Dagster step. It needs Java 17.
.venv-spark/.installed: tests/data_platform/spark/requirements.txt | .venv/.installed
	$(PYTHON) -m venv --without-pip .venv-spark
	$(UV) pip install --quiet --python .venv-spark/bin/python -r $<
	touch $@

cluster: setup .venv-ray/.installed .venv-spark/.installed ## Run the transformations on a Ray cluster, read the lake by Spark, rehearse on Ceph's object storage
	$(BIN)/pytest -q -m cluster

up: setup ## Trade on the simulated venue with all processes (DATA=folder, FOR=seconds)
	$(BIN)/tapedeck up --with-past --data $(DATA) $(if $(FOR),--for $(FOR))

down: setup ## Stop what `make up` started
	$(BIN)/tapedeck down --data $(DATA)

demo-days: setup ## Make up whole days, and take the platform through them (DAYS=3, DATA=a new folder; ARCHIVE=s3://bucket/prefix ENDPOINT=url)
	$(BIN)/python -m data_platform.rehearsal --data $(if $(filter data,$(DATA)),data-days,$(DATA)) --days $(or $(DAYS),3) \
		$(if $(ARCHIVE),--archive $(ARCHIVE)) $(if $(ENDPOINT),--endpoint $(ENDPOINT))

test: setup ## Run the tests, with a short run of the main job
	$(BIN)/pytest -q -n 3 --dist loadfile -m "not soak and not cluster"

soak: setup ## Run the long rounds of crashes
	$(BIN)/pytest -q -m soak

check: setup ## Format, lint, types, import directions, generated documents
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --strict tools/audit_verify.py
	$(BIN)/lint-imports
	$(BIN)/python -m trading_runtime.scribe.schemas --check
	$(BIN)/dagster definitions validate -w workspace.yaml

format: setup ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup .venv-bench/.installed ## Measure the figures against peers and floors (benchmarks/README.md)
	$(BIN)/python benchmarks/run.py

.venv-bench/.installed: benchmarks/peers/requirements.txt | .venv/.installed
	$(PYTHON) -m venv .venv-bench
	$(UV) pip install --quiet --python .venv-bench/bin/python -r $<
	touch $@

lock: setup ## Resolve pyproject.toml anew into requirements.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --extra runtime --extra audit --extra platform --extra dev --no-header pyproject.toml -o requirements.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --extra runtime --extra audit --extra platform --extra cluster --constraints requirements.lock --no-header pyproject.toml -o infra/ray/requirements.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --no-header $(CLIENTS).in -o $(CLIENTS).lock
