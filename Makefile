# make run: the main job.   make night: the same with more time.   make test: every check.
# make fast: the tests of pure parts.   make docs: the documentation as a site, into site/.
# make studio: the same graph in LangGraph Studio.   make bench: the costs of the loop, about 20 minutes.
# All make their own environment.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable
PEERS := .venv-peers

.PHONY: run night studio test fast lint docs bench clean

run: $(VENV)/run.stamp
	$(BIN)/autoresearch run

night: $(VENV)/run.stamp
	$(BIN)/autoresearch run --tag night --program programs/night.md

studio: $(VENV)/studio.stamp
	$(BIN)/langgraph dev --no-reload --n-jobs-per-worker 4

test: $(VENV)/dev.stamp lint
	$(BIN)/python -m pytest -n auto --dist worksteal

fast: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -n auto --dist worksteal -m fast

docs: $(VENV)/docs.stamp
	$(BIN)/mkdocs build --strict

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/dev.stamp $(PEERS)/stamp
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/peers.py 30 $(PEERS)/bin/python
	$(BIN)/python benchmarks/busy.py 2
	$(BIN)/python benchmarks/brief.py
	$(BIN)/python benchmarks/sandbox.py

$(VENV)/run.stamp: pyproject.toml
	@echo "installing into $(VENV): PyTorch is large, so this takes minutes the first time"
	@$(PYTHON) -m venv $(VENV)
	$(PIP) '.[train]'
	@echo "reading the texts to train on, for half a minute"
	$(BIN)/python prepare.py
	touch $@

$(VENV)/studio.stamp: $(VENV)/run.stamp
	$(PIP) '.[studio]'
	touch $@

$(VENV)/dev.stamp: pyproject.toml
	@echo "installing into $(VENV), which takes minutes the first time"
	@$(PYTHON) -m venv $(VENV)
	$(PIP) '.[dev]'
	touch $@ $(VENV)/studio.stamp

$(VENV)/docs.stamp: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) '.[docs]'
	touch $@

$(PEERS)/stamp:
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet openevolve==0.4.0 gepa==0.1.4 || true
	touch $@

clean:
	rm -rf $(VENV) $(PEERS) site
