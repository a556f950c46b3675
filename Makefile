# Two commands: `make demo` (the base install, then the whole line on the bundled marketplace) and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

# $(call step,what it does,command): says it, runs it, says how long it took
step = @printf '== %s\n' '$(1)'; started=$$(date +%s); $(2) || exit $$?; \
	printf '== %s: %s s\n' '$(1)' "$$(( $$(date +%s) - started ))"

.DEFAULT_GOAL := help
.PHONY: help demo test lint types contracts tests notebooks clean

help:
	@printf 'make demo       install the base and run the whole line on the bundled marketplace\n'
	@printf 'make test       install everything the tests need; lint, types, import contracts, tests\n'
	@printf 'make notebooks  execute the notebooks in place, without real photographs\n'
	@printf 'make clean      remove the virtual environment and what the demo made\n'

demo: $(VENV)/.base
	$(call step,assayer demo,$(BIN)/assayer demo)

test: lint types contracts tests

lint: $(VENV)/.all
	$(call step,ruff,$(BIN)/ruff check . && $(BIN)/ruff format --check --quiet .)

types: $(VENV)/.all
	$(call step,mypy,$(BIN)/mypy)

contracts: $(VENV)/.all
	$(call step,import contracts,$(BIN)/lint-imports)

tests: $(VENV)/.all
	$(call step,pytest,$(BIN)/python -m pytest -q)

notebooks: $(VENV)/.all
	$(call step,notebooks,$(BIN)/python notebooks/execute.py)

$(BIN)/python:
	$(call step,make $(VENV),$(PYTHON) -m venv $(VENV))

$(VENV)/.base: pyproject.toml constraints.txt | $(BIN)/python
	$(call step,install the base,$(PIP) install -c constraints.txt -e .)
	@touch $@

$(VENV)/.all: pyproject.toml constraints.txt | $(BIN)/python
	$(call step,install what the tests need,$(PIP) install -c constraints.txt -e '.[train$(comma)scale$(comma)browser$(comma)dev]')
	@touch $@ $(VENV)/.base

comma := ,

clean:
	rm -rf $(VENV) assayer-demo
