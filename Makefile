# Everything that a developer types. `make` alone lists it.
# Each target makes what it needs: the first command on a fresh machine may be `make demo` or `make test`.

# The Python that everything runs on by default, 3.11 or newer:  make test PYTHON=python3.12
PYTHON ?= python3
# More interpreters for `make test-all`, each NAME=PATH:  make test-all PYTHONS="3.13t=/path/to/python3.13t 3.14=/path/to/python3.14"
PYTHONS ?=
# What else to hand to pytest or to the benchmarks:  make unit ARGS="-k scheduler -x"
ARGS ?=

BIN := .venv/bin
# Twice quiet: pip says only what went wrong.
PIP_INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints/dev.txt
# pyright's wheel knows only its own version; without this it looks for a newer one and warns.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
# Tests start thousands of Pythons: where the shell forbids it to keep what is compiled, each compiles Poolwise anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

.PHONY: help
help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ------------------------------------------------------------------------------------------------------ to see it work

.PHONY: demo
demo: .venv/library.stamp ## show what Poolwise does (needs the library only, no tools)
	@$(BIN)/poolwise demo

.PHONY: bench
bench: .venv/dev.stamp ## measure against the peers
	$(BIN)/python benchmarks/run.py $(ARGS)

.PHONY: bench-peers
bench-peers: | .venv/bin/python ## measure the process engine against its peers and the limit: ARGS="--rounds 7 --plot FILE.png"
	@$(BIN)/python -m benchmarks.peers.run $(ARGS)

.PHONY: bench-fetch
bench-fetch: .venv/dev.stamp ## measure fetching against programs written by hand: ARGS="--only steady --rounds 1 --urls 2000"
	@$(BIN)/python -m benchmarks.fetch.run $(ARGS)

.PHONY: judgement
judgement: | .venv/bin/python ## measure how far the choice is from the best by hand: ARGS="--quick --only HTTP --plot FILE.png"
	@$(BIN)/python -m benchmarks.judgement.run $(ARGS)

.PHONY: scale
scale: .venv/library.stamp ## simulate the scheduler on a cluster of 10,000 workers (minutes): ARGS="--only tail --json FILE"
	@$(BIN)/python -m benchmarks.scale.run $(ARGS)

# ------------------------------------------------------------------------------------------------------------ to check

.PHONY: test
test: lint types layers tests pythons ## everything that has to pass before a change lands

.PHONY: test-all
test-all: lint types layers ## the same with the slow tests, on every Python named in PYTHONS too
	$(BIN)/python -m pytest --ignore tests/others $(ARGS)
	$(BIN)/python -m pytest tests/others $(ARGS)
	tools/on_each_python.sh all 3.12 3.13 $(PYTHONS)

.PHONY: quick
quick: .venv/dev.stamp ## the unit and contract tests, in seconds
	$(BIN)/python -m pytest tests/unit tests/contract -q -m "not slow" $(ARGS)

# Other parties change the program that imports them (workers that stay, how exceptions are pickled): their tests have a
# process of their own.
.PHONY: tests
tests: .venv/dev.stamp ## all tests but the slow ones, on the default Python
	$(BIN)/python -m pytest -m "not slow" --ignore tests/others $(ARGS)
	$(BIN)/python -m pytest -m "not slow" tests/others $(ARGS)

.PHONY: browser
browser: ## install Debian's chromium, in which tests/browser looks at the pages (apt-get; by sudo where you are not root)
	@command -v chromium >/dev/null || { \
		root=$$([ "$$(id -u)" = 0 ] || echo sudo); \
		$$root apt-get update -qq && $$root apt-get install -qq --yes --no-install-recommends chromium; }
	@chromium --version

.PHONY: pythons
pythons: .venv/dev.stamp ## the quick tests on 3.12 and 3.13, where this machine has them
	tools/on_each_python.sh quick 3.12 3.13

.PHONY: cpython-executor-tests
cpython-executor-tests: .venv/dev.stamp ## CPython's own executor tests over poolwise.Pool, on every Python here that has them (minutes)
	$(BIN)/python -m pytest -q tests/cpython $(ARGS)
	tools/on_each_python.sh executor 3.12 3.13 $(PYTHONS)

.PHONY: joblib-tests
joblib-tests: .venv/dev.stamp ## joblib's own test_parallel.py over the joblib backend, all of it (minutes)
	$(BIN)/python -m pytest -q tests/others/joblib $(ARGS)

# Tests of n_jobs of these; tests/others/joblib/over_sklearn.py picks them.
SKLEARN := model_selection.tests.test_search model_selection.tests.test_validation ensemble.tests.test_forest \
	ensemble.tests.test_bagging ensemble.tests.test_voting ensemble.tests.test_iforest utils.tests.test_parallel \
	inspection.tests.test_permutation_importance compose.tests.test_column_transformer metrics.tests.test_pairwise \
	decomposition.tests.test_dict_learning linear_model.tests.test_logistic linear_model.tests.test_coordinate_descent \
	tests.test_pipeline feature_selection.tests.test_rfe tests.test_multioutput tests.test_calibration

.PHONY: sklearn-tests
sklearn-tests: .venv/dev.stamp ## scikit-learn's own tests of n_jobs over the joblib backend (minutes)
	PYTHONPATH=. $(BIN)/python -m pytest -q -c tests/others/joblib/sklearn.ini --rootdir . -p no:cacheprovider \
		-p tests.others.joblib.over_sklearn --pyargs $(addprefix sklearn.,$(SKLEARN)) $(ARGS)

.PHONY: bench-joblib
bench-joblib: .venv/dev.stamp ## measure the joblib backend against loky: ARGS="--only Grid --rounds 9 --cold 0"
	@$(BIN)/python -m benchmarks.joblib.run $(ARGS)

.PHONY: free-threaded-rounds
free-threaded-rounds: .venv/dev.stamp ## the contract suite again and again without a GIL: PYTHONS="3.13t=/path" ARGS="--rounds 100"
	tools/on_each_python.sh rounds $(or $(PYTHONS),3.13t) -- $(ARGS)

.PHONY: others
others: .venv/dev.stamp ## the tests with real other parties, the slow ones too (minutes): ONLY=joblib, asyncio, dask, ray, compat, executor
	$(BIN)/python -m pytest tests/others/$(ONLY) $(ARGS)

.PHONY: kill-tests
kill-tests: .venv/dev.stamp ## kill runs with a journal at random moments and take them up, hundreds of times: ARGS="--times 200 --seed 1"
	$(BIN)/python -m tests.kill.campaign $(ARGS)

.PHONY: lint
lint: .venv/dev.stamp ## ruff: rules and format
	$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --quiet --check || { echo "not formatted: see with '$(BIN)/ruff format --diff', mend with 'make format'"; exit 1; }

.PHONY: types
types: .venv/dev.stamp ## mypy (strict) and pyright
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

.PHONY: layers
layers: .venv/dev.stamp ## import-linter: who may import whom
	$(BIN)/lint-imports --no-logo

.PHONY: coverage
coverage: .venv/dev.stamp ## which lines and branches the tests do not reach
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -m "not slow" $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# ----------------------------------------------------------------------------------------------------------- to change

.PHONY: format
format: .venv/dev.stamp ## let ruff mend what it can and lay out the code
	$(BIN)/ruff check --fix --quiet || true
	$(BIN)/ruff format

.PHONY: clean
clean: ## remove everything that the targets made
	rm -rf .venv .venvs .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.* htmlcov dist build
	find src tests benchmarks examples docs -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# ----------------------------------------------------------------------------------------------------- the environment
# One environment in two steps. The stamps are older than what they were made from as soon as that changes;
# the installation is editable, so a change of the code needs nothing here.

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Poolwise needs Python 3.11 or newer, and '$(PYTHON)' is not: $$($(PYTHON) --version 2>&1)."; \
		echo "Name another one:  make $(MAKECMDGOALS) PYTHON=python3.11"; \
		exit 1; }
	@echo "making .venv, once"
	@$(PYTHON) -m venv --clear .venv

.venv/library.stamp: pyproject.toml constraints/dev.txt | .venv/bin/python
	@echo "installing the library"
	@$(PIP_INSTALL) --editable .
	@touch $@

.venv/dev.stamp: pyproject.toml constraints/dev.txt | .venv/bin/python
	@echo "installing the library and the tools (a minute the first time)"
	@$(PIP_INSTALL) --editable '.[dev]'
	@touch $@ .venv/library.stamp
