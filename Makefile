# Everything a person types, locally and in CI. Each target first sets up what it needs: `.venv`
# is made when it is absent, and brought up to date when pyproject.toml or constraints.txt changed.

PYTHON ?= python3
PRESET ?= compact
RUN ?= $(PRESET)
EXPERIMENT ?= brackets
EXPORT ?= dataset
ARGS ?=
TORCH_INDEX ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
SIM = $(BIN)/culture-sim
# A run that exists knows its preset, so only one that was asked for is passed on.
given = $(filter-out file,$(origin $(1)))
STAGE = $(SIM) $@ $(if $(call given,PRESET),--preset $(PRESET)) --run $(RUN) $(ARGS)

.DEFAULT_GOAL := help
.PHONY: help setup culture train-agents culture-round sae report analyze compare replay effects \
	crosscoder circuits culture-features study experiment export import quizzes demo docs test quick check \
	format bench clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  PRESET=compact     the options to start from: compact, faithful, fleuret, smoke, ..."
	@echo "  RUN=\$$(PRESET)      name of the run, a folder under runs/"
	@echo "  EXPERIMENT=brackets  which experiment"
	@echo "  EXPORT=dataset       what to export"
	@echo "  ARGS=\"...\"         more options; make culture ARGS=--help lists them"
	@echo "  PYTHON=python3     Python 3.11 or newer, to make .venv with"
	@echo "  TORCH_INDEX=URL    where to take PyTorch from, such as its index of CPU-only builds"

setup: $(READY) ## Make .venv with everything, pinned as tested

culture: $(READY) ## Everything: train the agents, make culture, train SAEs, compare them, report.
	$(STAGE)

train-agents: $(READY) ## Train every agent of the run to the target accuracy.
	$(STAGE)

culture-round: $(READY) ## Propose quizzes, vote, keep those that the rule asks for, train on them.
	$(STAGE)

sae: $(READY) ## Train a sparse autoencoder on every agent and compare their features.
	$(STAGE)

report: $(READY) ## Write the run's report as one HTML file.
	$(STAGE)

analyze: $(READY) ## Find out what a run's culture is: by which rules, how clear, new and hard.
	$(SIM) $@ --run $(RUN) $(ARGS)

culture-features: $(READY) ## Find out what agents' own quizzes do to their features.
	$(SIM) $@ --run $(RUN) $(ARGS)

effects: $(READY) ## Find out what features do: silence them, put one agent's in another's place.
	$(SIM) $@ --run $(RUN) $(ARGS)

crosscoder: $(READY) ## Train one dictionary for all agents: which features belong to a single agent?
	$(SIM) $@ --run $(RUN) $(ARGS)

circuits: $(READY) ## Find out whether agents' heads do the same, and which features tell the answer.
	$(SIM) $@ --run $(RUN) $(ARGS)

compare: $(READY) ## Compare anyone's models by codes of their SAEs in files.
	$(SIM) $@ $(ARGS)

replay: $(READY) ## Judge the stored votes of a run again, by its rule or another; runs no model.
	$(SIM) $@ --run $(RUN) $(ARGS)

study: $(READY) ## Find out whether culture does anything: arms from the same agents, compared.
	$(SIM) $@ $(ARGS)

experiment: $(READY) ## Answer a question by an experiment: agents trained for it, what they do, and a verdict.
	$(SIM) $@ $(EXPERIMENT) $(ARGS)

export: $(READY) ## Write quizzes, agents, SAEs or features in the formats of other tools, and upload them.
	$(SIM) $@ $(EXPORT) $(if $(call given,RUN),--run $(RUN),--preset $(PRESET)) $(ARGS)

import: $(READY) ## Make a run of agents, quizzes and SAEs that others published.
	$(SIM) $@ culture-gpt $(ARGS)

quizzes: $(READY) ## Show quizzes: of a task, of a run's culture, or an agent's mistakes.
	$(SIM) $@ $(if $(call given,RUN),--run $(RUN),--preset $(PRESET)) $(ARGS)

demo: PRESET = smoke
demo: $(READY) ## The whole experiment in miniature, in minutes: nothing is learned to the end
	$(SIM) culture --preset $(PRESET) --run $(RUN) $(ARGS)

docs: $(VENV)/.docs-ready ## Build the documentation's site, in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

PYTEST = OMP_NUM_THREADS=1 $(BIN)/pytest

test: $(READY) ## Run the tests (ARGS="-k word" for some of them)
	$(PYTEST) -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

quick: $(READY) ## Run the tests that start no process, train nothing and open no browser
	$(PYTEST) -n 2 --dist worksteal --quick $(ARGS)

check: $(READY) ## Lint, formatting, types, direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## Format the code and mend what the linter can
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: $(READY) ## Run the benchmarks
	$(BIN)/python -m benchmarks $(ARGS)

clean: ## Remove .venv, caches and build products; runs/ is left alone
	rm -rf $(VENV) build dist site .pytest_cache .mypy_cache .ruff_cache .import_linter_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# PyTorch goes first and by itself, so that TORCH_INDEX decides where it comes from, and nothing
# else does.
$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) > /dev/null || { \
		echo "culture-sim needs Python 3.11 or newer, and there is no $(PYTHON) here;" \
			"install it or name another: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "culture-sim needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) -V 2>&1);" \
			"name another: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { \
		echo "$(PYTHON) cannot make virtual environments; on Debian: apt install python3-venv" >&2; \
		exit 1; }
	@echo "Setting up $(VENV): a few minutes the first time."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --no-deps $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) \
		"$$(grep '^torch==' constraints.txt)"
	@$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@

$(VENV)/.docs-ready: $(READY)
	@echo "Installing what builds the documentation."
	@$(PIP) install -c constraints.txt -e '.[docs]'
	@touch $@
