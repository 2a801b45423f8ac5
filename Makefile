# Everything a developer or operator types. `make` alone prints this list.
.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
DEPLOY := .venv-deploy
BENCH := .venv-bench
UV := $(BIN)/uv

REDIS ?=
JOBS ?= $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )))

export UV_PYTHON_DOWNLOADS := never
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup run test conformance faults faults-full redis mutations browser containers screenshots check alerts bench bench-own clean lock wheel fmt helm helm-readme

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Create .venv and install what the lock files name (idempotent)

# The stamp is newer than what it was made from, so a second run does nothing.
$(READY): pyproject.toml requirements/dev.lock requirements/uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Set PYTHON=/path/to/python3.11."; exit 1; }
	@test -x $(BIN)/python || { echo "creating $(VENV)"; $(PYTHON) -m venv $(VENV); } || { \
	  echo "Python's venv module is missing (Debian: apt install python3-venv)."; exit 1; }
	@test -x $(UV) || $(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/uv.lock
	@echo "installing what requirements/dev.lock names"
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

run: $(READY) ## Start Redis, the web process and a worker; print the MCP URL
	@exec $(BIN)/mcp-playground up $(ARGS)

# Most of a test is waiting for processes to start: one more at a time than there are cores.
test: $(READY) ## Run the whole test suite (JOBS files at a time)
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

conformance: $(READY) ## Run the official MCP conformance suite on one replica and on two, and other clients' resume
	@$(BIN)/python -m tests.conformance.run $(ARGS)
	@$(BIN)/python -m pytest tests/conformance

# REDIS: valkey (one server), redis (Debian's 7.0), tls (the same with TLS and users), cluster, redis-cluster.
faults: $(READY) ## Kill workers, replicas and Redis under load, and judge what became of the work (REDIS=cluster, tls: there)
	@case "$(REDIS)" in redis*|tls) .ci/redis;; esac
	@TEST_REDIS=$(REDIS) $(BIN)/python -m pytest tests/faults -n 3 -m "not full" $(ARGS)

redis: $(READY) ## Use everything on Redis 7.0 over TLS, with a user for each role
	@.ci/redis
	@$(BIN)/python -m pytest tests/redis $(ARGS)

faults-full: $(READY) ## The same with every seed and every load
	@TEST_REDIS=$(REDIS) $(BIN)/python -m pytest tests/faults -n 2 $(ARGS)

mutations: $(READY) ## Switch each security control off, and see the tests that guard it turn red (30 minutes)
	@$(BIN)/python -m tests.attacks.prove $(ARGS)

browser: $(READY) ## Sign in with a real Chromium, at a real OpenID provider, with the clients people use
	@.ci/chromium
	@$(BIN)/python -m pytest tests/browser $(ARGS)

containers: $(READY) ## Build the image, start docker-compose.yml as root without Docker, and look at both
	@.ci/containers
	@$(BIN)/python -m pytest tests/containers --timeout 900 $(ARGS)

screenshots: $(READY) ## Renew the pictures of the sign-in pages, the chart and Flower in docs/images
	@.ci/chromium
	@SCREENSHOTS=docs/images $(BIN)/python -m pytest -q tests/browser/test_pages.py -k "light and phone and not longest"
	@SCREENSHOTS=docs/images $(BIN)/python -m pytest -q tests/browser/test_chart.py -k "its_picture"
	@SCREENSHOTS=docs/images $(BIN)/python -m pytest -q tests/browser/test_flower.py

check: $(READY) ## Lint, format, types (pyright strict) and import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports

alerts: $(DEPLOY)/ready ## See each alert fire and keep silent, also the chart's; start Prometheus as the compose file does
	@.ci/prometheus
	@promtool check rules docs/monitoring/alerts.yml
	@promtool test rules docs/monitoring/alerts.test.yml
	@$(DEPLOY)/bin/python -m pytest tests/alerts $(ARGS)

fmt: $(READY) ## Let ruff rewrite what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(BENCH)/ready ## Measure us beside others and raw Celery in one run, into bench/results (10 minutes; ROUNDS=5)
	@.ci/wrk
	@$(BIN)/python -m bench.run $(ROUNDS)

bench-own: $(READY) ## Measure latency, call overhead, the cost of an open stream, of log mining and of an investigation
	@$(BIN)/python bench/streaming.py
	@$(BIN)/python bench/sessions.py
	@$(BIN)/python bench/ecs_mining.py
	@$(BIN)/python bench/investigation.py

# The contenders pin other versions of what we use.
$(BENCH)/ready: $(READY) requirements/bench.lock
	@test -x $(BENCH)/bin/python || $(UV) venv --quiet --python $(BIN)/python $(BENCH)
	@$(UV) pip sync --quiet --python $(BENCH)/bin/python --require-hashes requirements/bench.lock
	@touch $@

wheel: $(READY) ## Build the wheel, install it into a fresh venv and run it
	@.ci/wheel

helm: $(DEPLOY)/ready ## Lint and render the Helm chart by Helm's own engine, and judge it by the schemas of Kubernetes
	@$(DEPLOY)/bin/python -m pytest tests/helm -n 2 --dist loadfile $(ARGS)

helm-readme: $(READY) ## Write the chart's README from its values
	@$(BIN)/python -m tests.helm.readme

# Apart from .venv, which holds what dev.lock names and nothing else.
$(DEPLOY)/ready: $(READY) requirements/deploy.lock
	@test -x $(DEPLOY)/bin/python || $(UV) venv --quiet --python $(BIN)/python $(DEPLOY)
	@$(UV) pip sync --quiet --python $(DEPLOY)/bin/python --require-hashes requirements/deploy.lock
	@$(UV) pip install --quiet --python $(DEPLOY)/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

lock: $(READY) ## Resolve pyproject.toml again into the hashed lock files
	@for name in run dev deploy; do \
	  extra="--extra otel"; group=""; \
	  test $$name = run || { extra="$$extra --extra local"; group="--group $$name"; }; \
	  $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-annotate --custom-compile-command "make lock" $$extra $$group \
	    --output-file requirements/$$name.lock pyproject.toml || exit 1; done
	@printf 'fastmcp==4.1.2\nfastmcp-tasks==4.1.2\n' | $(UV) pip compile --quiet --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock" \
	  --output-file requirements/fastmcp.lock -
	@printf 'fastmcp==4.1.2\nlitestar-mcp==0.16.0\nuvicorn>=0.54,<0.60\nuvloop>=0.23,<1\nhttptools>=0.9,<1\n' | $(UV) pip compile \
	  --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	  --custom-compile-command "make lock" --output-file requirements/bench.lock -
	@printf 'hatchling>=1.28,<2\nuv>=0.13.9,<0.14\n' | $(UV) pip compile --quiet --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock" \
	  --output-file requirements/build.lock -
	@echo "uv>=0.13.9,<0.14" | $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-annotate --custom-compile-command "make lock" --output-file requirements/uv.lock -

clean: ## Remove .venv, caches and local data
	rm -rf $(VENV) $(DEPLOY) $(BENCH) .data .pytest_cache .ruff_cache .import_linter_cache .conformance dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
