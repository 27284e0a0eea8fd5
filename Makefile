# Everything a fresh Debian machine needs, by itself: `make run`, `make test`. `make help` lists the rest.
VENV := .venv
BIN := $(VENV)/bin
# The Python that .venv was made with stays the default; naming another one makes .venv anew.
MADE_WITH := $(shell test -x $(BIN)/python && cat $(VENV)/.python 2>/dev/null)
PYTHON ?= $(or $(MADE_WITH),python3)
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# The peers of the conversation bench have a Python of their own, from 3.11 on: 0.8 GB that nothing else needs.
PEERS := .venv-peers
# A real server of OpenAI's protocol that is not ours: compiling it takes minutes, on a slow machine half an hour.
LLAMA := .venv-llama
# Ten processes start with an engine, each of which would compile its sources anew where Python may not keep them.
COMPILE := $(BIN)/python -m compileall -q engine workers ringbuf
# What pip would do with one core, for 200 MB of sources: with all of them. Some packages hold files that are no Python.
COMPILE_ALL := $(BIN)/python -W ignore -m compileall -qq -j 0 $(VENV)/lib || true
# One more than there are cores: half of the tests converse, in real time, and mostly wait.
TESTERS := $(shell expr $$(nproc) + 1)
SOURCES := $(shell find ringbuf workers/drivers -name '*.[ch]')

.DEFAULT_GOAL := help
.PHONY: help setup dev run test lint model bench bench-full bench-rings bench-lease bench-overload peers bench-peers test-llama-server wheels arm clean FORCE

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 13

# A stamp for each step of the set-up, so that a second `make` does nothing.
$(VENV)/.python: $(if $(filter-out $(MADE_WITH),$(PYTHON)),FORCE)
	@PYTHON="$(PYTHON)" sh tools/system-packages.sh
	@echo "Making $(VENV) with $(PYTHON)"
	@"$(PYTHON)" -m venv --clear $(VENV)
	@echo "$(PYTHON)" >$@

$(VENV)/.setup: $(VENV)/.python tools/system-packages.sh pyproject.toml setup.py $(SOURCES)
	@PYTHON="$(PYTHON)" sh tools/system-packages.sh
	@echo "Building the C core and installing into $(VENV)"
	@$(PIP) install --editable .
	@$(COMPILE)
	@touch $@

# A pip that knows dependency groups comes first: Debian 12's does not.
$(VENV)/.dev: $(VENV)/.setup tests/other-numpy.txt tests/moshi.txt
	@PYTHON="$(PYTHON)" sh tools/system-packages.sh dev
	@echo "Installing what the tests need"
	@$(PIP) install 'pip>=25.1'
	@$(PIP) install --no-compile --group dev
	@$(PIP) install --no-compile --no-deps --requirement tests/moshi.txt
	@$(COMPILE_ALL)
	@$(PIP) download --only-binary :all: --dest $(VENV)/other-numpy --requirement tests/other-numpy.txt
	@touch $@

setup: $(VENV)/.setup ## install into .venv
dev: $(VENV)/.dev ## what the tests need, too

ASKS := 'What time does the museum shop close?' 'How much is a ticket?' 'And for children?'
run: $(VENV)/.setup ## converse with a visitor who asks three questions, or ASKS; the recording is run/conversation.wav
	@mkdir -p run
	@$(BIN)/python tools/visit.py run/visit.wav $(ASKS)
	$(BIN)/engine run --profile realtime --input run/visit.wav --output run/conversation.wav --report run/report.json --show-words \
		--http 127.0.0.1:0 --set http.transcript=true

test: $(VENV)/.dev ## all checks and tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@$(COMPILE) tests bench
	$(BIN)/python -m pytest -n $(TESTERS) --dist loadgroup --no-loadscope-reorder

lint: $(VENV)/.dev ## the checks alone, mending what they can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/mypy

# An hour on one core, twelve minutes on a GPU; MINUTES=… for another time.
MODEL := run/partner-model
MINUTES ?= $(shell $(BIN)/python -c 'import torch; print(12 if torch.cuda.is_available() else 60)')
model: $(VENV)/.dev ## make the partner's small model from nothing, and measure it (docs/partner.md); takes an hour
	$(BIN)/python tools/model.py train --minutes $(MINUTES) --out $(MODEL)
	$(BIN)/python tools/model.py convert --out $(MODEL)
	$(BIN)/python bench/partner.py --set llm.backend=reword --set llm.reword.model=$(MODEL)/int8 --json $(MODEL)/partner.json

bench: $(VENV)/.dev ## measure the headline of everything into run/bench.json, within 20 minutes; run nothing beside it
	@mkdir -p run
	$(BIN)/python bench/headline.py --json run/bench.json

bench-full: $(VENV)/.dev peers ## measure all of it, the peers too, into run/bench-full.json; takes hours
	@mkdir -p run
	$(BIN)/python bench/headline.py --full --json run/bench-full.json

bench-rings: $(VENV)/.dev ## measure the rings beside what else a Python program can install
	$(BIN)/python bench/rings.py

bench-lease: $(VENV)/.dev ## measure how soon an answer begins while a long one is made, with and without the lease
	$(BIN)/python bench/lease.py

$(PEERS)/.setup: bench/peers/requirements.txt pyproject.toml $(VENV)/.setup
	@echo "Installing the peers into $(PEERS)"
	@"$(PYTHON)" -m venv --clear $(PEERS)
	@$(PEERS)/bin/python -m pip --quiet --disable-pip-version-check install --editable . -r bench/peers/requirements.txt
	@touch $@

peers: $(PEERS)/.setup ## install the voice frameworks that the engine is measured against (Python 3.11 or newer)

bench-peers: $(VENV)/.dev peers ## measure the engine and its peers on the same recordings; takes hours
	@mkdir -p run
	$(BIN)/python bench/conversation.py --only machinery,curve --json run/bench-peers.json --plot run/curve.svg

bench-overload: $(VENV)/.dev ## measure what gives way under load (stress-ng); after `make peers` beside those; takes two hours
	@mkdir -p run
	$(BIN)/python bench/overload.py --json run/overload.json --plot run/overload.svg

$(LLAMA)/.setup:
	@echo "Compiling llama.cpp into $(LLAMA)"
	@"$(PYTHON)" -m venv --clear $(LLAMA)
	@CMAKE_ARGS="-DLLAVA_BUILD=OFF" nice $(LLAMA)/bin/python -m pip --quiet \
		--disable-pip-version-check install 'llama-cpp-python[server]==0.3.36' 'gguf>=0.17'
	@touch $@

test-llama-server: $(VENV)/.dev $(LLAMA)/.setup ## test the HTTP backend against llama.cpp's server; compiles it first
	ANTIPHON_LLAMA_SERVER=$(abspath $(LLAMA)/bin/python) $(BIN)/python -m pytest tests/backends/test_llama_server.py

wheels: $(VENV)/.dev ## build and check the wheels for x86-64 and aarch64, into dist
	$(BIN)/python tools/wheels.py

arm: wheels ## run the tests of the rings under an emulated aarch64 Python; by hand, takes minutes
	PYTHON=$(BIN)/python sh tools/arm.sh

clean: ## take away what was built
	rm -rf $(VENV) $(PEERS) $(LLAMA) build dist run *.egg-info ringbuf/*.so workers/drivers/*.so
