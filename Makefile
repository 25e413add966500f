# Two commands matter: `make demo` and `make test`. Each needs Python 3.11 or
# newer, git and make, and nothing else: it makes its own .venv, says what it
# does meanwhile, and reuses the .venv the next time.

PYTHON ?= python3
SHELL := /bin/sh
VENV := .venv
SCRIPTS := $(if $(filter Windows_NT,$(OS)),Scripts,bin)
BIN := $(VENV)/$(SCRIPTS)

# A second, small one, which has kerasplug and no Keras: tests have to skip there.
WITHOUT := .venv-without
LACKING := $(CURDIR)/$(WITHOUT)/$(SCRIPTS)
# A third one, large: for `make matrix`, and for `make test TORCH_TESTS=1`. Where it is
# already, the tests use it without being asked, and never bring it up to date.
TORCH := .venv-torch
TORCH_TESTS ?=
TORCH_PYTHON := $(CURDIR)/$(TORCH)/$(SCRIPTS)/python
PYTORCH ?= torch==2.13.0

# What computes. `tensorflow-cpu` is half the size, but has no wheels for macOS
# and ARM. Any other choice: `make demo ENGINE=tensorflow`.
PLATFORM := $(if $(filter Windows_NT,$(OS)),Windows,$(shell uname -sm))
ENGINE ?= $(if $(filter Windows Linux_x86_64,$(subst $() ,_,$(PLATFORM))),tensorflow-cpu,tensorflow)
KERAS := keras>=3.15.1

PLUGINS := plugins/datasets plugins/applications plugins/plaidml examples/downstream_pkg
# A backend for the Keras to come: checked here, tested where that Keras is.
TOY := examples/toy_backend
PROJECTS := pyproject.toml $(PLUGINS:%=%/pyproject.toml)

# A person at a terminal sees pip's progress, a log only what went wrong.
PIP := $(BIN)/python -m pip --disable-pip-version-check
QUIET := $(shell test -t 2 || echo --quiet)

# How many steps are announced: two or three of installing, then the target's own.
STEPS := $(if $(filter test,$(MAKECMDGOALS)),5,$(if $(filter demo,$(MAKECMDGOALS)),6,4))

# A package that extends Keras, with tests that say what they need.
EXAMPLE := examples/downstream_pkg
EXAMPLE_TESTS := -m pytest -q -p no:cacheprovider

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint matrix bench wheels docs train-digits clean

help:
	@echo "make demo     what kerasplug is for, on a real model, in about two minutes"
	@echo "make test     everything that must hold: linters, types, all tests"
	@echo "make test TORCH_TESTS=1  the tests on PyTorch too (up to 6 GB the first time)"
	@echo "make lint     the linters and the types only"
	@echo "make matrix   saving on every engine, PyTorch too (up to 6 GB the first time); each application"
	@echo "make docs     the site, into site/"
	@echo "make wheels   the wheels of all distributions, into dist/"
	@echo "make train-digits  the small model of kerasplug-applications, the same bits again"
	@echo "make bench    what is measured, against whom"
	@echo "make clean    remove the environments and whatever was made"
	@echo
	@echo "The first call installs into .venv (PYTHON=$(PYTHON), ENGINE=$(ENGINE))."

demo: $(VENV)/.demo-$(ENGINE) $(WITHOUT)/.made
	@echo "4/6 the demo: about a minute"
	@$(BIN)/kerasplug demo
	@echo
	@echo "5/6 the tests of $(EXAMPLE), with Keras: they pass"
	@cd $(EXAMPLE) && $(CURDIR)/$(BIN)/python $(EXAMPLE_TESTS)
	@echo
	@echo "6/6 the same tests in $(WITHOUT), where no Keras is: they skip"
	@cd $(EXAMPLE) && $(LACKING)/python $(EXAMPLE_TESTS) --no-keras-strict
	@echo
	@echo "    and once more with KERASPLUG_STRICT=1: now they have to fail"
	@cd $(EXAMPLE) && code=0; \
	KERASPLUG_STRICT=1 $(LACKING)/python $(EXAMPLE_TESTS) \
	    >$(CURDIR)/$(WITHOUT)/strict.log 2>&1 || code=$$?; \
	tail -n 1 $(CURDIR)/$(WITHOUT)/strict.log; \
	if [ $$code -ne 1 ]; then \
	    echo "They did not fail (pytest ended with $$code, not with 1): see $(WITHOUT)/strict.log" >&2; \
	    exit 1; \
	fi; \
	echo "    They failed, as they should: a skip can't hide that Keras is missing."

test: $(VENV)/.test-$(ENGINE) lint $(if $(TORCH_TESTS),$(TORCH)/.made)
	@echo "5/5 the tests: the quick ones, those that start Keras, those that build wheels"
	@$(if $(or $(TORCH_TESTS),$(wildcard $(TORCH)/.made)),KERASPLUG_TORCH_PYTHON="$(TORCH_PYTHON)") \
	    $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.test-$(ENGINE)
	@echo "4/$(STEPS) ruff, mypy, import-linter"
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@for plugin in $(PLUGINS) $(TOY); do \
	    (cd $$plugin && $(CURDIR)/$(BIN)/mypy) || exit 1; \
	done
	@$(BIN)/lint-imports --no-cache

matrix: $(VENV)/.test-$(ENGINE) $(TORCH)/.made
	@$(BIN)/python tests/matrix.py --torch $(TORCH_PYTHON) --write docs/saving.md
	@$(BIN)/python plugins/applications/tests/every_application.py --write docs/applications.md

bench: $(VENV)/.test-$(ENGINE)
	@$(BIN)/python benchmarks/run.py

wheels: $(VENV)/.test-$(ENGINE)
	@for project in . $(PLUGINS) $(TOY); do \
	    echo "wheel of $$project"; \
	    $(BIN)/python -m build --wheel --no-isolation --outdir dist $$project \
	        >/dev/null || exit 1; \
	done
	@ls dist/*.whl

train-digits: $(VENV)/.test-$(ENGINE)
	@$(BIN)/python plugins/applications/train_digits.py

docs: $(VENV)/.docs
	@echo "building the site into site/"
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "open site/index.html"

clean:
	rm -rf $(VENV) $(WITHOUT) $(TORCH) build dist site demo-output
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# --- the environments: .venv with a stamp for each set of packages in it, and the other ---

# Each candidate is run, since a shim on PATH need not have a Python behind it.
# Newer than 3.13 is taken when there is nothing else: Keras' engines often
# have no wheels yet for the newest Python.
$(VENV)/.made:
	@probe='import sys; v = sys.version_info[:2]; print("%d.%d.%d" % sys.version_info[:3]); sys.exit(v < (3, 11))'; \
	tested='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'; \
	chosen=; spare=; seen=; \
	for python in "$(PYTHON)" python3.13 python3.12 python3.11; do \
	    version=$$("$$python" -c "$$probe" 2>/dev/null) || { \
	        seen="$$seen $$python ($${version:-none})"; continue; }; \
	    if "$$python" -c "$$tested"; then chosen=$$python; break; fi; \
	    spare=$${spare:-$$python}; \
	done; \
	chosen=$${chosen:-$$spare}; \
	if [ -z "$$chosen" ]; then \
	    echo "kerasplug needs Python 3.11 or newer. Found:$$seen." >&2; \
	    echo "Install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; \
	fi; \
	if ! "$$chosen" -c 'import ensurepip, venv' 2>/dev/null; then \
	    echo "$$chosen can't make virtual environments: venv or ensurepip is missing." >&2; \
	    echo "On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; \
	fi; \
	version=$$("$$chosen" -c "$$probe"); \
	echo "1/$(STEPS) creating $(VENV) with Python $$version ($$(command -v "$$chosen"))"; \
	if [ "$$chosen" != "$(PYTHON)" ]; then \
	    echo "      (not $(PYTHON): that one is missing, too old or too new)"; fi; \
	"$$chosen" -m venv --clear $(VENV)
	@$(PIP) install --quiet --upgrade "pip>=25.1"
	@touch $@

$(VENV)/.demo-$(ENGINE): $(VENV)/.made $(PROJECTS)
	@echo "2/$(STEPS) installing $(ENGINE), Keras and kerasplug (about 300 MB the first time, some minutes)"
	@$(PIP) install $(QUIET) "$(ENGINE)" "$(KERAS)" \
	    -e ".[files,plot,rich,test]" $(PLUGINS:%=-e ./%)
	@touch $@

$(WITHOUT)/.made: $(VENV)/.made $(PROJECTS)
	@echo "3/$(STEPS) installing kerasplug and pytest into $(WITHOUT), without Keras (about 30 MB)"
	@$(BIN)/python -m venv --clear $(WITHOUT)
	@$(LACKING)/python -m pip --disable-pip-version-check install $(QUIET) \
	    -e ".[test]" -e ./$(EXAMPLE)
	@touch $@

# As packages have it, PyTorch brings what its GPUs need: 6 GB on Linux, 1 GB elsewhere.
$(TORCH)/.made: $(VENV)/.made $(PROJECTS)
	@echo "installing PyTorch into $(TORCH) (up to 6 GB)"
	@$(BIN)/python -m venv --clear $(TORCH)
	@$(TORCH_PYTHON) -m pip --disable-pip-version-check install $(QUIET) \
	    "$(PYTORCH)" "$(KERAS)" -e ".[files]"
	@touch $@

# tf_keras asks for the large `tensorflow`; the one of the same minor version
# as the engine works with it, whatever the engine's distribution is called.
$(VENV)/.test-$(ENGINE): $(VENV)/.demo-$(ENGINE)
	@echo "3/$(STEPS) installing what the tests take: pytest, mypy, ruff, JAX, tf_keras, scikit-learn (about 150 MB)"
	@$(PIP) install $(QUIET) --group dev jax "scikit-learn>=1.4"
	@minor=$$($(BIN)/python -c 'import importlib.metadata as m; print(*m.version("$(ENGINE)").split(".")[:2], sep=".")') && \
	$(PIP) install $(QUIET) --no-deps "tf_keras~=$$minor.0"
	@touch $@

$(VENV)/.docs: $(VENV)/.made $(PROJECTS)
	@echo "installing mkdocs"
	@$(PIP) install $(QUIET) -e ".[docs]"
	@touch $@
