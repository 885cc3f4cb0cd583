# Everything a reader, a lecturer or a contributor runs. `make` alone lists it.
#
# On a machine where pip would fetch a large CUDA build of torch and a small CPU build will do:
#     make book PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu

PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
READY := .venv/.ready
ifdef PIP_EXTRA_INDEX_URL
export PIP_EXTRA_INDEX_URL
endif

.DEFAULT_GOAL := help
.PHONY: help book serve lab test test-fast notebooks lint lint-javascript bench rehome clean

help: ## list these commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /make \1|/' | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[book,cluster,test]'
	touch $@

book: $(READY) ## build the site into _build/html from the stored outputs
	$(BIN)/jupyter-book build . --path-output . --all --quiet -W -n --keep-going
	@echo "The book is built: open _build/html/index.html, or run make serve"

serve: book ## build, then serve the site on localhost (PORT=8000)
	@echo "Serving the book at http://localhost:$(PORT)/ (Ctrl-C ends it)"
	@cd _build/html && ../../$(BIN)/python -m http.server --bind 127.0.0.1 $(PORT)

lab: $(READY) ## open the chapters in JupyterLab
	$(BIN)/jupyter lab --notebook-dir=notebooks

# As many processes as cores; tests/conftest.py says which of them does what.
PYTEST := $(BIN)/python -m pytest -n logical --dist loadfile --no-loadscope-reorder

test: $(READY) ## run every test: the package, the chapters' outputs, the site
	$(PYTEST) --nbval tests notebooks

test-fast: $(READY) ## run the tests of the daily round: no chapter, site, browser or long training
	$(PYTEST) -m "not slow and not browser" tests

notebooks: $(READY) ## execute all chapters in place and normalise their outputs
	$(BIN)/python book/tools/execute_notebooks.py

lint: $(READY) lint-javascript ## check formatting, style, types, who imports whom, and JavaScript
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

JAVASCRIPT := .ci/javascript
ESLINT := $(JAVASCRIPT)/node_modules/.bin/eslint

$(ESLINT): $(JAVASCRIPT)/package-lock.json
	@command -v npm >/dev/null || { echo "make lint checks the JavaScript with packages from npm, which is missing: install Node.js 20 or newer" >&2; exit 1; }
	npm ci --prefix $(JAVASCRIPT) --no-audit --no-fund
	touch $@

lint-javascript: $(ESLINT)
	$(ESLINT) --config $(JAVASCRIPT)/eslint.config.js tutorial_vae book $(JAVASCRIPT)/eslint.config.js

bench: $(READY) ## measure speed and memory; SINCE=<commit> compares the time of make test instead
ifdef SINCE
	$(BIN)/python benchmarks/test_time.py $(SINCE)
else
	$(BIN)/python benchmarks/run.py
endif

rehome: ## move the project to another address: REPO=https://github.com/owner/name
	$(PYTHON) book/tools/rehome.py "$(REPO)"

clean: ## remove the built site
	rm -rf _build
