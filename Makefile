# make demo | test | check | conformance | bench | clean. Every target makes the environment it needs.
PYTHON ?= python3
RUN_ENV := .venv
DEV_ENV := .venv-dev
BIN := $(DEV_ENV)/bin

.PHONY: demo test check conformance bench clean

demo: $(RUN_ENV)/.installed
	$(RUN_ENV)/bin/qcore demo --force

test: check
	$(BIN)/python -m pytest -n auto --dist loadfile

check: $(DEV_ENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

conformance: $(DEV_ENV)/.installed
	$(BIN)/python -m pytest -m conformance

bench: $(DEV_ENV)/.installed
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(RUN_ENV) $(DEV_ENV) build dist *.egg-info

$(RUN_ENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(RUN_ENV)
	$(RUN_ENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(DEV_ENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(DEV_ENV)
	$(DEV_ENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,report]'
	touch $@
