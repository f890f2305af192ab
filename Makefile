# `make verify` and `make test` work on a fresh machine: each sets up $(VENV) first.

PYTHON ?= python3
# CI sets DCTHEORY_VENV to build an environment of its own from scratch.
VENV := $(or $(DCTHEORY_VENV),.venv)
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help verify test test-slow lint types bench figures check-figures notebooks check-notebooks docs \
	readme check-readme verdicts check-verdicts

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml constraints.txt dctheory/_version.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off \
		-c constraints.txt -e '.[test,dev,notebooks,docs]'
	touch $@

verify: $(STAMP) ## decide the paper's claims, then the model on real input
	$(BIN)/dctheory verify $(ARGS)

test: $(STAMP) ## the tests, without the slow ones
	$(BIN)/python -m pytest $(ARGS)

test-slow: $(STAMP) ## the slow tests
	$(BIN)/python -m pytest -m slow $(ARGS)

lint: $(STAMP) ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP) ## mypy
	$(BIN)/mypy

bench: $(STAMP) ## time against peers; writes benchmarks/results/cpu.json
	$(BIN)/python benchmarks/run.py $(ARGS)

figures: $(STAMP) ## every figure from result files and closed forms; ARGS=--quick for some
	$(BIN)/python figures/regenerate.py $(ARGS)

check-figures: $(STAMP) ## fail if the figures' data are not what is made now
	$(BIN)/python figures/regenerate.py --check $(ARGS)

notebooks: $(STAMP) ## write notebooks/*.ipynb from their texts
	$(BIN)/python .ci/notebooks.py $(ARGS)

check-notebooks: $(STAMP) ## fail if a notebook is not its text's; run all of them, small
	$(BIN)/python .ci/notebooks.py --check
	DCTHEORY_NOTEBOOK_SIZE=small $(BIN)/python -m pytest --nbmake --nbmake-timeout=300 \
		notebooks $(ARGS)

docs: $(STAMP) ## the documentation, into build/docs
	$(BIN)/python -m sphinx -q -E -W --keep-going -b html docs build/docs $(ARGS)

readme: $(STAMP) ## write the verdict table into README.md
	$(BIN)/python .ci/readme.py $(ARGS)

check-readme: $(STAMP) ## fail if README.md's verdict table is not the tool's
	$(BIN)/python .ci/readme.py --check $(ARGS)

verdicts: $(STAMP) ## write the verdicts that the documentation shows
	$(BIN)/python .ci/verdicts.py $(ARGS)

check-verdicts: $(STAMP) ## fail if they are not the tool's
	$(BIN)/python .ci/verdicts.py --check $(ARGS)
