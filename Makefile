# Everything runs in .venv, made from requirements.lock. A machine needs Python >= 3.11 (with venv), git and make.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
# several BLAS threads that wait for each other slow small networks down, and tests run beside other things
TEST_ENV := OMP_NUM_THREADS=1
WORKERS ?= 2

.PHONY: install demo test test-slow test-gpu check format docs lock clean

install: $(INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "wellfit needs Python 3.11 or newer: make PYTHON=python3.12"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --python $(BIN)/python --quiet --require-hashes -r requirements.lock
	$(BIN)/uv pip install --python $(BIN)/python --quiet --no-deps --editable .
	@touch $@

demo: $(INSTALLED)  ## a study on scikit-learn's digits: leaderboard, verdicts, report
	$(BIN)/wellfit demo

test: $(INSTALLED)  ## the whole suite but what is marked slow or gpu
	$(TEST_ENV) $(BIN)/python -m pytest -m "not slow and not gpu" -n $(WORKERS) --dist worksteal

test-slow: $(INSTALLED)  ## minutes: ten kills, Fashion-MNIST end to end
	$(TEST_ENV) $(BIN)/python -m pytest -m slow

test-gpu: $(INSTALLED)  ## needs a CUDA device
	$(BIN)/python -m pytest -m gpu

check: $(INSTALLED)  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(INSTALLED)  ## docs/methods and docs/remedies.md, made from the docstrings and tables
	rm -rf docs/methods
	$(BIN)/wellfit explain --write docs/methods --write-remedies docs/remedies.md

lock:  ## compile requirements.lock anew (hashes, no index addresses)
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --quiet --custom-compile-command "make lock" -o requirements.lock

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache
