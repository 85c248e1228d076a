# Two commands do everything on a machine with Python 3.11 or later and make: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt
RESULTS ?= results

.PHONY: demo test lint format bench bench-rules clean

demo: .venv/installed
	$(BIN)/evalkit run --task phantom --model majority --model question-prior --model pixel-prior --results $(RESULTS)
	@echo 'answers: $(RESULTS)/store.sqlite; runs: $(RESULTS)/<task>/<model>/<run>/ (run.json, samples.jsonl, samples.parquet)'
	@echo 'next:    $(BIN)/evalkit show run <folder> --wrong, or $(BIN)/evalkit --help'

test: .venv/installed-test lint
	$(BIN)/python -m pytest

lint: .venv/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/installed-test
	$(BIN)/python tests/speed/bench.py

bench-rules: .venv/installed-test
	$(BIN)/python tests/speed/rules.py

.venv/bin/uv:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "evalkit needs Python 3.11 or later; name one with make PYTHON=…")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

.venv/installed: .venv/bin/uv pyproject.toml constraints.txt
	$(PIP) --compile-bytecode --editable .
	$(BIN)/python -m compileall -q evalkit
	@touch $@

.venv/installed-test: .venv/installed
	$(PIP) --compile-bytecode --editable '.[test,hub]'
	@touch $@

clean:
	rm -rf .venv dist
