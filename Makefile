# One entry per task; `make help` lists them. CI calls the same names.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
UV_VERSION := 0.13.9
READY := .venv/.ready
# Where it is set, every process here compiles anew all it imports: a second or two each time.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help venv demo kind-up kind-down cluster-up cluster-down test check bench pairs soak generate clean

help: ## What there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

venv: $(READY) ## Everything the project needs, locked, in .venv
$(READY): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Knect needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "the venv module is missing: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"
	@UV_PROJECT_ENVIRONMENT=.venv $(BIN)/uv sync --quiet --locked --all-extras
	@touch $(READY)

demo: $(READY) ## A simulated shop, a real Tryton, sixty orders (KEEP=1 leaves it running)
	@$(BIN)/python examples/01-shop-to-erp/demo.py

kind-up: $(READY) ## With Docker: kind, chart, Jaeger, the demo's shop and ERP as pods
	@$(BIN)/python -m tests.support.cluster --kind up

kind-down: $(READY) ## Remove that cluster
	@$(BIN)/python -m tests.support.cluster --kind down

cluster-up: $(READY) ## The same without Docker: a node of its own (root, Debian)
	@$(BIN)/python -m tests.support.cluster up

cluster-down: $(READY) ## Remove that node and all it made
	@$(BIN)/python -m tests.support.cluster down

test: $(READY) ## All tests, with a table of minutes per suite
	@$(BIN)/python -m tests.suites $(SUITES)

check: $(READY) ## Lint, types, import contracts, generated files
	@$(BIN)/python -m tests.suites check

bench: $(READY) ## Measure; writes benchmarks/results.json
	@$(BIN)/python -m benchmarks.run
	@$(BIN)/python -m benchmarks.scale

pairs: $(READY) ## Each shop with an ERP: 500 orders each, 40 with the real Tryton
	@$(BIN)/python -m tests.pairs

soak: $(READY) ## Storms until SOAK_MINUTES (120) are over; writes benchmarks/soak.md
	@$(BIN)/python -m tests.faults.soak

generate: $(READY) ## Write generated files (CRDs, the chart's schema and README)
	@$(BIN)/python -m knect.api.crd
	@$(BIN)/python -m tests.support.chart.generate

clean: ## Forget the virtual environment, the demo and what tests keep
	rm -rf .venv .cache .knect .mypy_cache .ruff_cache .pytest_cache .hypothesis
