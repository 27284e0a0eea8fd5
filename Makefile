# Everything a fresh Debian machine needs, by itself: `make run`, `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# flite is the default voice's library, the rest builds the C core and makes the virtual environment.
PACKAGES := libflite1 gcc libc6-dev python3-dev python3-venv
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo -n)

.DEFAULT_GOAL := help
.PHONY: help setup dev run test lint bench clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

# A stamp for each set-up, so that a second `make` does nothing.
$(VENV)/.system: Makefile
	@PYTHON="$(PYTHON)" SUDO="$(SUDO)" sh tools/system-packages.sh $(PACKAGES)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.setup: $(VENV)/.system pyproject.toml setup.py $(shell find ringbuf/core -name '*.[ch]')
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.setup
	$(BIN)/pip install --quiet --editable '.[espeak]' --group dev
	@touch $@

setup: $(VENV)/.setup ## install into .venv
dev: $(VENV)/.dev ## what the tests need, too

run: $(VENV)/.setup ## answer the spoken question that comes with the project; the recording is run/conversation.wav
	@mkdir -p run
	$(BIN)/engine run --profile realtime --input engine/data/question.wav --output run/conversation.wav --report run/report.json

test: $(VENV)/.dev ## all checks and tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n auto

lint: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/mypy

bench: $(VENV)/.dev ## measure a conversation on real recordings
	$(BIN)/python bench/conversation.py

clean: ## take away what was built
	rm -rf $(VENV) build dist run *.egg-info ringbuf/*.so
