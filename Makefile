# make demo | make test: a fresh machine needs only Python 3.11 or newer, make and a package index.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
BIN := .venv/bin
# Many small matrices: one thread per process and several processes are faster than the reverse.
JOBS ?= $(shell $(PYTHON) -c "import os; print(min(8, os.cpu_count() or 1))")

.PHONY: help demo test test-slow test-lowest fuzz coverage lint docs benchmarks clean
help:
	@echo "make demo        attributes, training and report on the embedded default: no key, no hub, no GPU"
	@echo "make test        the whole test suite"
	@echo "make test-slow   the tests that take minutes: sweeps and predictions on a Ray cluster whose nodes die"
	@echo "make test-lowest the same with the lowest versions that pyproject.toml allows; TESTS=FOLDER runs a part"
	@echo "make fuzz        10,000 damaged files and 1,000 faults; SEED=N repeats a run, FILES=N and FAULTS=N are counts"
	@echo "make coverage    the test suite, and the lines of attrgen and vr that it runs: 90% in all, 70% of each file"
	@echo "make lint        ruff and mypy"
	@echo "make docs        the documentation as a site in site/; no network is needed to build or read it"
	@echo "make benchmarks  start-up, runs, sweeps and predictions, beside those of the last release"
	@echo "make clean       remove .venv and .venv-lowest (runs/, attrs/ and datasets/ are yours and are not touched)"

# uv makes the environment; where it is missing, pip puts it into the environment itself.
.venv/.base: pyproject.toml constraints.txt
	@if command -v uv >/dev/null; then uv venv -q --allow-existing --python $(PYTHON) .venv; \
	else $(PYTHON) -m venv .venv && $(BIN)/python -m pip install -q uv; fi
	@echo "installing into .venv (torch with its GPU libraries is some gigabytes the first time)"
	@$$(command -v uv || echo $(BIN)/uv) pip install -q -p $(BIN)/python -c constraints.txt -e .
	@touch $@

.venv/.docs: .venv/.base
	@$$(command -v uv || echo $(BIN)/uv) pip install -q -p $(BIN)/python -c constraints.txt -e '.[docs]'
	@touch $@

.venv/.dev: .venv/.base
	@$$(command -v uv || echo $(BIN)/uv) pip install -q -p $(BIN)/python -c constraints.txt -e '.[dev]'
	@touch $@

# The demo: drawn images and the included CLIP. Finished runs are skipped.
define DEMO
export PATH="$$PWD/$(BIN):$$PATH" OMP_NUM_THREADS=1
show() { printf '\n$$ %s\n' "$$*"; "$$@"; }
show attrgen build --dataset kidney-phantom
show attrgen check attrs/kidney-phantom.json
show vr train --attrs attrs/kidney-phantom.json --backbone mini --resume
show vr eval "runs/kidney-phantom/biomedvr+backbone=mini/16-shot/seed-1"
show vr sweep kidney-phantom --jobs $(JOBS)
show vr table runs/kidney-phantom --baseline attrvr
printf '\nLook next:\n'
printf '  %s\n' "runs/kidney-phantom/biomedvr+backbone=mini/16-shot/seed-1/report.html   what the run learned and where it errs" \
  "attrs/kidney-phantom.json   the attributes: edit a line, then attrgen check and vr train --fresh" \
  "docs/getting-started.md   what these files are; then docs/own-data.md for your own images"
endef
export DEMO

demo: .venv/.base
	@bash -euo pipefail -c "$$DEMO"

test: .venv/.dev
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -q
	@echo "next: make demo, or docs/getting-started.md"

test-slow: .venv/.dev
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m slow

# The lowest versions of what pyproject.toml names; what these need in turn is the newest that fits.
.venv-lowest/.dev: .venv/.base pyproject.toml
	@$$(command -v uv || echo $(BIN)/uv) venv -q --allow-existing --python $(PYTHON) .venv-lowest
	@$$(command -v uv || echo $(BIN)/uv) pip install -q -p .venv-lowest/bin/python --resolution lowest-direct -e '.[dev]'
	@touch $@

test-lowest: .venv-lowest/.dev
	@PATH="$$PWD/.venv-lowest/bin:$$PATH" OMP_NUM_THREADS=1 \
	  .venv-lowest/bin/python -m pytest -n $(JOBS) --dist loadgroup -q $(TESTS)

coverage: .venv/.dev
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -q --cov --cov-report=json:coverage.json
	@$(BIN)/python tests/coverage_floor.py coverage.json

# Both print their seed, and for each failure a line that repeats it.
FILES ?= 10000
FAULTS ?= 1000
SEED ?= $(shell $(PYTHON) -c "import secrets; print(secrets.randbelow(10**6))")
fuzz: .venv/.dev
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz --files $(FILES) --seed $(SEED) --jobs $(JOBS)
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.faults --faults $(FAULTS) --seed $(SEED) --jobs $(JOBS)

lint: .venv/.dev
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

docs: .venv/.docs
	@$(BIN)/python docs/generate.py check
	@$(BIN)/mkdocs build -q
	@echo "open site/index.html"

benchmarks: .venv/.dev
	@OMP_NUM_THREADS=1 $(BIN)/python tests/benchmarks/watch.py --json benchmarks.json
	@$(BIN)/python tests/benchmarks/attrgen_throughput.py

clean:
	rm -rf .venv .venv-lowest
