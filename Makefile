# Every target does its own set-up: a virtual environment in .venv with the packages.

PYTHON ?= python3
JOBS   ?= $(shell nproc 2>/dev/null || echo 2)
STAMP  := .venv/.stamp

# make model: one seed a workflow, from SEED on.
WORKFLOWS ?= 1000
SEED      ?= $(shell date +%s)000

.PHONY: help venv demo test test-majors lint types pgspot format bench crash stress model dist clean

help:
	@echo 'make demo    run the embedding pipeline, kill the server in the middle, show that nothing happened twice'
	@echo 'make test    run every test that this machine can run; lanes that cannot run say why'
	@echo 'make test-majors  the tests of the runtime on PostgreSQL 14 to 18, fetched with npm; MAJORS="14 17": on these'
	@echo 'make lint    ruff (lint and format)      make format  let ruff rewrite'
	@echo 'make types   mypy --strict               make bench   steps per second, against a bare loop'
	@echo 'make crash   the long crash test         make dist    wheel and source archive'
	@echo 'make stress  ten thousand transactions that send signals, while drivers are killed'
	@echo 'make model   random workflows, held against a model; WORKFLOWS=2000, SEED=...: so many, others'
	@echo 'make pgspot  what in the runtime depends on a search_path'

venv: $(STAMP)

$(STAMP): pyproject.toml
	@command -v $(PYTHON) >/dev/null || \
	    { echo 'error: no program named $(PYTHON) is found' >&2; \
	      echo 'hint: name a Python 3.11 or later, for example: make $(MAKECMDGOALS) PYTHON=python3.12' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo 'error: $(PYTHON) is older than Python 3.11' >&2; \
	      echo 'hint: name another, for example: make $(MAKECMDGOALS) PYTHON=python3.12' >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	    { echo 'error: $(PYTHON) cannot make virtual environments: its module venv (or ensurepip) is missing' >&2; \
	      echo 'hint: on Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(STAMP)
	.venv/bin/python examples/demo.py

test: $(STAMP)
	.venv/bin/python -m pytest -n $(JOBS) tests

test-majors: $(STAMP)
	.venv/bin/python tests/majors.py --jobs $(JOBS) $(MAJORS)

lint: $(STAMP)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types: $(STAMP)
	.venv/bin/mypy

# pgspot brings GPL code: an environment of its own, for development only.
PGSPOT := .venv-pgspot/.stamp-0.9.4

$(PGSPOT):
	$(PYTHON) -m venv --clear .venv-pgspot
	.venv-pgspot/bin/python -m pip install --quiet --disable-pip-version-check pgspot==0.9.4
	@touch $@

pgspot: $(STAMP) $(PGSPOT)
	.venv/bin/python tests/pgspot/check.py .venv-pgspot/bin/pgspot

format: $(STAMP)
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: $(STAMP)
	.venv/bin/python -m benchmarks

crash: $(STAMP)
	PGDURC_CRASH_KILLS=200 .venv/bin/python -m pytest -s tests/crash

stress: $(STAMP)
	PGDURC_STRESS_SIGNALS=10000 .venv/bin/python -m pytest -s tests/stress

model: $(STAMP)
	PGDURC_MODEL_SEED=$(SEED) PGDURC_MODEL_WORKFLOWS=$(WORKFLOWS) .venv/bin/python -m pytest -s tests/model

dist: $(STAMP)
	.venv/bin/python -m pip install --quiet --disable-pip-version-check build
	.venv/bin/python -m build

clean:
	rm -rf .venv .venv-pgspot .cache build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
