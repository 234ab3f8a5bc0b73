# nextbest: a fresh machine needs python3 (3.11 or newer) and make, nothing else.
PYTHON ?= python3
BIN := .venv/bin
ORDERS ?=
MAPPING ?=
SERVE ?= 1
BENCH ?=
# The public purchase histories as they are downloaded, where they lie beside the repository; without them only simulated shops are measured.
DATA ?= $(firstword $(wildcard ../*/data))
# Your own orders go to the default home, the simulated shop to one of its own; NEXTBEST_HOME names another.
DEMO_HOME := $(or $(NEXTBEST_HOME),$(if $(ORDERS),nextbest-home,nextbest-home-demo))
export OPENBLAS_NUM_THREADS := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-long test-faults test-spark lint format notebooks bench bench-affinity bench-churn bench-decisions bench-features bench-ingest bench-serving lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/' | expand -t 20

setup: .venv/.ready ## the environment in .venv, with .venv/bin/nextbest; needs the package index; about a minute, once

.venv/.ready: requirements/dev.txt requirements/uv.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "nextbest needs Python 3.11 or newer: make PYTHON=python3.12 ..."; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "python3 cannot make environments: install python3-venv"; rm -rf .venv; exit 2; }
	@echo "Installing the locked packages into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt \
	  && $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/dev.txt \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## orders to a served next best action; ORDERS=file.csv MAPPING=preset-or-yaml for your own; SERVE=0 ends before serving; about 1 min
	@$(BIN)/nextbest --home $(DEMO_HOME) demo \
	  $(if $(ORDERS),--orders "$(ORDERS)") $(if $(MAPPING),--mapping "$(MAPPING)") $(if $(filter 0,$(SERVE)),--no-serve)

test: lint ## lint, then every test; needs nothing but the environment; about 12 min on two idle cores
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

test-long: setup ## whole benchmark runs, a notebook, audiences, a thousand requests on one budget, files to decisions: what the default run leaves out; about 12 min
	NEXTBEST_LONG=1 $(BIN)/pytest tests/benchmarks tests/serving/test_http_budgets.py tests/serving/test_http_audiences.py tests/serving/cli/test_audience.py tests/test_notebooks.py \
	  tests/end_to_end/test_way_through.py \
	  tests/serving/churn_lists/test_crm_guide.py tests/serving/test_workers.py tests/serving/cli/test_odd_shops.py tests/serving/test_sync.py -n 2

test-faults: setup ## kill -9, full disks, a database that goes away or hangs: on real servers; needs PostgreSQL 15+, root for full disks; about 17 min
	NEXTBEST_FAULTS=1 $(BIN)/pytest tests/faults

test-spark: .venv-spark/.ready ## Spark equals DuckDB, on this machine and as a small cluster; needs Java 17, and the package index once; about 5 min
	@$(HAS_JAVA)
	.venv-spark/bin/pytest tests/spark

HAS_JAVA := { if [ -n "$$JAVA_HOME" ]; then test -x "$$JAVA_HOME/bin/java"; else command -v java > /dev/null; fi; } \
  || { echo "Spark needs Java 17, and there is none: apt-get install openjdk-17-jre-headless, or set JAVA_HOME"; exit 2; }

.venv-spark/.ready: requirements/spark.txt requirements/uv.txt pyproject.toml
	@$(HAS_JAVA)
	@test -x .venv-spark/bin/python || $(PYTHON) -m venv .venv-spark
	@echo "Installing the locked packages and Spark into .venv-spark ..."
	@.venv-spark/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@.venv-spark/bin/uv pip install --quiet --compile-bytecode --python .venv-spark/bin/python --require-hashes -r requirements/spark.txt
	@.venv-spark/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

lint: setup ## ruff, mypy --strict, import-linter; about 30 s
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: setup ## rewrites the code in the house's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

notebooks: setup ## runs every notebook, on a simulated shop or on the home NEXTBEST_HOME of the environment; about 1 min
	$(BIN)/jupyter execute notebooks/*.ipynb

bench: bench-affinity bench-churn bench-decisions bench-features bench-ingest bench-serving ## every benchmark; about 75 min

bench-features: setup ## features against SQL and pandas written by hand, to 50 million lines; needs 5 GB of disk; about 20 min
	$(BIN)/python -P benchmarks/features.py $(BENCH)

bench-ingest: setup ## ingest of 10 million lines of CSV against DuckDB's COPY; needs 4 GB of disk; about 3 min
	$(BIN)/python -P benchmarks/ingest.py $(BENCH)

bench-affinity: setup ## affinity beside its peers on the public files of DATA=folder if there, else on simulated shops; then one list, and a million products; about 35 min
	$(BIN)/python -P benchmarks/affinity.py $(if $(DATA),--data "$(DATA)") $(BENCH)

bench-churn: setup ## churn and value beside their rivals; takes the public files of DATA=folder if there, else simulated shops alone; about 4 min
	$(BIN)/python -P benchmarks/churn.py $(if $(DATA),--data "$(DATA)") $(BENCH)

bench-decisions: setup ## one decision and its parts, 100,000 unrecorded and recorded, win probabilities beside draws; needs 2 GB of disk; about 2 min
	$(BIN)/python -P benchmarks/decisions.py $(BENCH)

bench-serving: setup ## every route beside a minimal one and mlflow models serve, on real servers, SQLite and PostgreSQL (where it is found); better with wrk; about 25 min
	$(BIN)/python -P benchmarks/serving.py $(BENCH)

lock: setup ## resolves pyproject.toml again into requirements/*.txt (hashes, no hosts)
	for extra in "dev.txt --extra dev" "core.txt" "spark.txt --extra dev --extra spark"; do set -- $$extra; out=$$1; shift; \
	  $(BIN)/uv pip compile pyproject.toml $$@ --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-header --no-annotate --quiet --output-file requirements/$$out; done

clean: ## removes the environments and every cache, keeps homes
	rm -rf .venv .venv-spark .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
