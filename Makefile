# make demo | make test: a fresh machine needs only Python 3.11 or newer, make and a package index.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
BIN := .venv/bin
# Many small matrices: one thread a process and two processes are faster than the other way round.
JOBS ?= $(shell $(PYTHON) -c "import os; print(min(8, os.cpu_count() or 1))")

.PHONY: help demo test lint benchmarks clean
help:
	@echo "make demo        attributes, training and report on the embedded default: no key, no hub, no GPU"
	@echo "make test        the whole test suite"
	@echo "make lint        ruff and mypy"
	@echo "make benchmarks  start-up and throughput, printed"
	@echo "make clean       remove .venv (runs/, attrs/ and datasets/ are yours and stay)"

# uv makes the environment; where it is missing, pip puts it into the environment itself.
.venv/.base: pyproject.toml constraints.txt
	@if command -v uv >/dev/null; then uv venv -q --allow-existing --python $(PYTHON) .venv; \
	else $(PYTHON) -m venv .venv && $(BIN)/python -m pip install -q uv; fi
	@echo "installing into .venv (torch with its GPU libraries is some gigabytes the first time)"
	@$$(command -v uv || echo $(BIN)/uv) pip install -q -p $(BIN)/python -c constraints.txt -e .
	@touch $@

.venv/.dev: .venv/.base
	@$$(command -v uv || echo $(BIN)/uv) pip install -q -p $(BIN)/python -c constraints.txt -e '.[dev]'
	@touch $@

# The commands of the README, on images that are drawn and the CLIP that comes along; what is there is left.
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
  "README.md   your own images and a real CLIP"
endef
export DEMO

demo: .venv/.base
	@bash -euo pipefail -c "$$DEMO"

test: .venv/.dev
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) -q
	@echo "next: make demo, or README.md"

lint: .venv/.dev
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

benchmarks: .venv/.dev
	@$(BIN)/python tests/benchmarks/startup.py && $(BIN)/python tests/benchmarks/attrgen_throughput.py

clean:
	rm -rf .venv
