# A thin front of the real commands; `make` alone lists what there is.
# CONTRIBUTING.md and README.md say the same steps without make.

.DEFAULT_GOAL := help
# Installing is one thing after the other; checks that are installed run side by side.
ifndef SIDE_BY_SIDE
.NOTPARALLEL:
endif
.SUFFIXES:
.PHONY: help serve train-demo test quick lint bench audit lock runtime translations clean ready \
	python check-serve check style types script-types script-tests quick-types quick-tests

# The first Python from 3.11 on, those with TensorFlow before newer ones.
PYTHON := $(or $(PYTHON),$(shell for python in python3 python3.13 python3.12 python3.11 python; do \
	$$python -B -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	2>/dev/null && echo $$python && exit; done; echo python3))
VENV := .venv
RUN := $(VENV)/bin/python
# Bytecode lies in the environment, also where the user's shell or a container wants none written:
# without it every process compiles all that it imports, which takes TensorFlow seven seconds. Checks
# that come before the environment write none (-B): a refusal leaves nothing behind.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/$(VENV)/bytecode

# A lock is installed when its checksum is among the names in this folder. The locks agree on every
# version, so a larger one counts for those that it holds: requirements-dev.txt for all, the two
# others for requirements-serve.txt.
DONE := $(VENV)/.installed
sum = $(firstword $(shell cksum $(1)))
mark = $(DONE)/$(1)-$(call sum,$(1))
SERVE_MARK := $(call mark,requirements-serve.txt)
QUICK_MARK := $(call mark,requirements-quick.txt)
FULL_MARK := $(call mark,requirements.txt)
DEV_MARK := $(call mark,requirements-dev.txt)
NODE_MARK := node_modules/.installed-$(call sum,package-lock.json)
TYPES_MARK := $(NODE_MARK)-types
PEERS_MARK := bench/node_modules/.installed-$(call sum,bench/package-lock.json)
NPM_CI := npm ci --ignore-scripts --no-audit --no-fund --no-progress --loglevel=error
# Bytecode is written when a module is first used; most of what is installed never is.
PIP := $(RUN) -m pip install -qq --disable-pip-version-check --no-compile --require-hashes -r

ENGINE_MARK = $(if $(filter keras Keras KERAS,$(or $(ENGINE),$(MUSICLASSIFY_ENGINE))),$(FULL_MARK),$(SERVE_MARK))
OPTIONS = $(if $(MODEL),--model '$(MODEL)') $(if $(PORT),--port '$(PORT)') \
	$(if $(ENGINE),--engine '$(ENGINE)')
DEMO = $(if $(FOLDER),--folder '$(FOLDER)') $(if $(PORT),--port '$(PORT)') $(if $(NO_SERVE),--no-serve)
NO_SERVE = $(filter 0 no false,$(SERVE))
# Targets whose checks are those of the site.
SERVES = $(filter serve $(if $(NO_SERVE),,train-demo),$(MAKECMDGOALS))

help:
	@echo 'make serve [MODEL=v1] [PORT=5000] [ENGINE=keras]'
	@echo '                install what is missing and serve the site on this computer'
	@echo 'make train-demo [FOLDER=demo] [SERVE=0] [PORT=5000]'
	@echo '                from synthetic sounds to a model of your own, and serve that; shows every'
	@echo '                command on the way; FOLDER keeps all of it, SERVE=0 ends before serving'
	@echo 'make test [ARGS="-k mel"]'
	@echo '                install what is missing, then check style and types and run all tests'
	@echo 'make quick      the checks that take a minute: style, types, and all that needs neither'
	@echo '                TensorFlow nor a browser nor a running server'
	@echo 'make lint       only style and types'
	@echo 'make bench      measure speed and memory'
	@echo 'make audit      ask the databases of known vulnerabilities about every pinned package'
	@echo 'make runtime    only put together the Python that the browser loads'
	@echo 'make translations'
	@echo '                bring the catalogs of texts up to date with templates, scripts and Python'
	@echo 'make lock [UPGRADE=1]'
	@echo '                compile requirements*.txt from requirements*.in'
	@echo 'make clean      remove all that was installed here'
	@echo 'PYTHON=python3.12 before or after any of them chooses the Python of a new .venv.'

serve: check-serve $(ENGINE_MARK) $(NODE_MARK) runtime
	@exec $(RUN) -m webapp $(OPTIONS)

train-demo: $(if $(NO_SERVE),check,check-serve) $(FULL_MARK) $(if $(NO_SERVE),,$(NODE_MARK) runtime)
	@exec $(RUN) -m model_training.demo $(DEMO)

test: lint script-tests $(NODE_MARK) runtime
	@$(RUN) -m tests.browser.install_browser
	$(RUN) -m pytest $(PROCESSES) $(ARGS)

quick: check $(QUICK_MARK) $(TYPES_MARK) runtime
	@$(SIDE_BY_SIDE_MAKE) style script-types script-tests quick-types quick-tests

lint: check $(DEV_MARK) $(TYPES_MARK)
	@$(SIDE_BY_SIDE_MAKE) style types script-types

# Two checks at a time, each with its output in one piece where make can do that.
SIDE_BY_SIDE_MAKE := $(MAKE) --no-print-directory SIDE_BY_SIDE=1 --keep-going -j2 \
	$(if $(filter output-sync,$(.FEATURES)),--output-sync=target)
# One process of tests for each core, four at most; a file of tests stays in one process. In the order
# of their names: files with few tests, which would come last, are the longest ones.
PROCESSES = --numprocesses=logical --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

style:
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check

types:
	$(RUN) -m mypy

script-types:
	node_modules/.bin/tsc --build

script-tests:
	node --test --test-reporter=spec $(wildcard tests/js/*/*.test.js)

# The whole tree; a package that only the larger locks have is taken for anything.
quick-types:
	$(RUN) -m mypy --cache-dir=.mypy_cache/quick --disable-error-code=import-not-found \
		--no-warn-unused-ignores

quick-tests:
	$(RUN) -m pytest $(PROCESSES) -m 'not full' $(QUICK_ROOMS) $(ARGS)

QUICK_ROOMS := tests/features tests/house tests/inference tests/webapp

bench: check $(DEV_MARK) $(NODE_MARK) $(PEERS_MARK) runtime
	@$(RUN) -m tests.browser.install_browser
	$(RUN) -m bench $(ARGS)

audit: check $(DEV_MARK)
	@$(RUN) -m tests.house.audit

runtime: check $(NODE_MARK) $(RUN)
	@$(RUN) -m webapp.runtime

translations: check $(SERVE_MARK)
	@$(RUN) -m webapp.catalogs

# The largest lock decides; the smaller ones take its versions.
lock: check $(DEV_MARK)
	@constraint=; for name in requirements-dev requirements requirements-quick requirements-serve; do \
		test $$name = requirements-dev || constraint='-c requirements-dev.txt'; \
		echo "Compiling $$name.txt"; \
		$(RUN) -m uv pip compile --quiet --universal --python-version 3.11 \
			--fork-strategy fewest --generate-hashes --no-emit-index-url \
			--custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade) \
			$$constraint $$name.in --output-file $$name.txt || exit; \
	done

clean:
	rm -rf $(VENV) node_modules bench/node_modules static/runtime .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- what has to be there ---------------------------------------------------------------------

python:
	@$(PYTHON) -B -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		found=$$($(PYTHON) -B -c 'import platform; print(platform.python_version())' 2>/dev/null) \
			&& found="$(PYTHON) is $$found" || found="there is no $(PYTHON)"; \
		echo "Python 3.11 or newer is needed, and $$found: install one" \
			"(3.11 to 3.13) or name it, say PYTHON=/path/to/python3.12." >&2; \
		exit 2; }

check-serve: python
	@$(PYTHON) -B -m webapp.preflight --serve --port '$(PORT)' --engine '$(ENGINE)'

check: python
	@$(if $(SERVES),:,$(PYTHON) -B -m webapp.preflight)

# An environment that was moved, or whose Python has gone, is made anew.
ifneq ($(shell $(RUN) -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo works),works)
.PHONY: $(RUN)
$(shell rm -rf $(DONE))
endif
$(RUN): | python
	@echo 'Making the Python environment $(VENV) ...'
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)

$(SERVE_MARK): | $(RUN)
	@echo 'Installing what the site needs (a minute at most) ...'
	@$(PIP) requirements-serve.txt
	@mkdir -p $(DONE) && touch $@

$(QUICK_MARK): | $(RUN)
	@echo 'Installing what the quick checks need (a minute at most) ...'
	@$(PIP) requirements-quick.txt
	@mkdir -p $(DONE) && touch $(SERVE_MARK) $@

$(FULL_MARK): | $(RUN)
	@echo 'Installing everything, TensorFlow too (some minutes) ...'
	@$(PIP) requirements.txt
	@mkdir -p $(DONE) && touch $(SERVE_MARK) $@

$(DEV_MARK): | $(RUN)
	@echo 'Installing everything, TensorFlow and test tools too (some minutes) ...'
	@$(PIP) requirements-dev.txt
	@mkdir -p $(DONE) && touch $(SERVE_MARK) $(QUICK_MARK) $(FULL_MARK) $@

$(NODE_MARK): | python
	@echo 'Installing the Python that the browser loads ...'
	@$(NPM_CI) --omit=dev
	@touch $@

$(TYPES_MARK): | python
	@echo 'Installing the Python that the browser loads, and TypeScript ...'
	@$(NPM_CI)
	@touch $(NODE_MARK) $@

$(PEERS_MARK): | python
	@echo 'Installing the libraries that the benchmark compares with ...'
	@$(NPM_CI) --prefix bench
	@touch $@
