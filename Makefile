# Every target works on a fresh machine with Python 3.11+ and make; uv is installed by pip when it is missing.

SHELL := /bin/bash
.ONESHELL:
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
ARGS ?=
# What `make test-compiled` runs: the tests of what is compiled.
COMPILED = core gateway dispatch transport surfaces adapters identity ledger routing health library store
# uv may have been put where the PATH does not look: ask Python.
UV = $(shell command -v uv || echo "$(PYTHON) -m uv")

.PHONY: help
help: ## show this
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

.PHONY: uv
uv:
	@command -v uv >/dev/null || $(PYTHON) -m uv --version >/dev/null 2>&1 || {
	  echo "installing uv"
	  $(PYTHON) -m pip install --quiet --user uv 2>/dev/null || $(PYTHON) -m pip install --quiet --break-system-packages uv
	}

.PHONY: environment
environment: uv ## create .venv with everything the project needs
	@$(UV) sync --frozen --quiet --all-extras

.PHONY: run
run: uv ## serve on 127.0.0.1:8080; ARGS="--port 9000" for more
	@$(UV) sync --frozen --quiet --all-extras --no-dev --inexact
	$(UV) run --no-sync python tools/build_console.py
	exec $(UV) run --no-sync wye serve $(ARGS)

.PHONY: console
console: uv ## build the console, which the gateway serves at /console/ (needs Node.js 20)
	@$(UV) run --no-sync python tools/build_console.py --strict

.PHONY: wheel
wheel: uv console ## build a wheel that carries the console, compiled where there is a C compiler
	@$(UV) run --no-project --quiet --python '>=3.11' python tools/build_wheel.py $(ARGS)

.PHONY: screenshots
screenshots: environment console ## picture every page of the console into /tmp/wye-screenshots; ARGS="--only dark"
	@PYTHONPATH=. $(UV) run --no-sync python tools/screenshots.py /tmp/wye-screenshots $(ARGS)

.PHONY: test
test: environment ## run every test
	@$(UV) run --no-sync python tools/build_console.py
	if [ -d console/node_modules ]; then (cd console && npx vitest run --reporter=dot); fi
	status=0; $(UV) run --no-sync pytest -n auto --dist loadfile $(ARGS) || status=$$?
	if [ $$status -eq 1 ] && [ -z "$(ARGS)" ]; then
	  echo; echo "What failed beside the others, once more and one after another:"
	  $(UV) run --no-sync pytest --last-failed --last-failed-no-failures none
	else exit $$status; fi

.PHONY: test-faults
test-faults: environment ## survive every fault, the long form: all client APIs, the whole record of outages
	@WYE_FAULTS=long $(UV) run --no-sync pytest tests/faults $(ARGS)

.PHONY: test-books
test-books: environment ## try to lose or double a request in the books: kill, stop, fill, leave; ARGS="--json"
	@$(UV) run --no-sync python -m tests.books $(ARGS)

.PHONY: check
check: environment ## format, lint, types, layers, docs
	@echo "format"; $(UV) run --no-sync ruff format --check --quiet .
	echo "lint"; $(UV) run --no-sync ruff check --quiet .
	echo "types"; $(UV) run --no-sync mypy
	echo "compiles"; $(UV) run --no-sync python -m tools.check_compiles
	echo "layers"; $(UV) run --no-sync lint-imports --no-cache
	echo "catalog"; $(UV) run --no-sync python tools/compile_catalog.py --check
	if $(UV) run --no-sync python tools/build_console.py && [ -d console/node_modules ]; then
	  echo "console"; (cd console && npm run --silent check && npm run --silent schema -- --check)
	else echo "console: not checked, Node.js is not here"; fi
	echo "docs"; $(UV) run --no-sync python tools/write_openapi.py --check; $(UV) run --no-sync pytest -q tests/docs

.PHONY: format
format: environment ## put the sources into shape
	@$(UV) run --no-sync ruff format .
	$(UV) run --no-sync ruff check --fix .
	$(UV) run --no-sync python tools/compile_catalog.py

.PHONY: docs
docs: environment ## write the generated pages
	@$(UV) run --no-sync python tools/write_providers.py
	$(UV) run --no-sync python tools/write_openapi.py
	if [ -d console/node_modules ]; then (cd console && npm run --silent schema); fi

.PHONY: bench
bench: environment ## measure CPU per request beside nginx and LiteLLM, and its parts; ARGS="--quick" for a shorter run
	@$(UV) run --no-sync python -m bench $(ARGS)
	if [ -z "$(filter-out --quick,$(ARGS))" ]; then
	  $(UV) run --no-sync python -m bench hotpath; $(UV) run --no-sync python -m bench books
	fi

.PHONY: test-compiled
test-compiled: uv ## test the compiled wheel, in an environment of its own
	@$(UV) run --no-project --quiet --python '>=3.11' python tools/build_wheel.py --into .venv-compiled --dev
	.venv-compiled/bin/python -m pytest -n auto --dist loadfile $(addprefix tests/,$(COMPILED)) $(ARGS)

.PHONY: test-local-model
test-local-model: environment ## test against a real inference server with a tiny model (downloads PyTorch)
	@$(UV) run --no-sync python -m tests.local_model $(ARGS)

.PHONY: clean
clean: ## remove what was built
	@rm -rf .venv .venv-compiled dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache bench/.cache tests/local_model/.cache tests/clients/.cache console/node_modules src/wye/gateway/web
