# Vigil. Two commands do everything: `make run` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PY := .venv/bin/python
VIGIL := $(PY) -m vigil.cli
export PYTHONPATH := $(CURDIR)/python:$(CURDIR)

DEMO_SECONDS ?= 45
DEVICES ?= 100
INTERVAL ?= 1
EPISODE_RATE ?= 2

.PHONY: help setup dev-setup run test test-rust test-python lint format proto lock audit bench train kafka load \
        up down logs dev seed simulate e2e docs clean image

help: ## This list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

setup: ## .venv, locked dependencies, Rust core, generated messages
	@bash scripts/setup.sh build

dev-setup: ## the same with what building, testing and linting need
	@bash scripts/setup.sh dev

run: setup ## The ten services, simulated patients with episodes, and what became of them (DEMO_SECONDS=0 keeps running)
	@$(VIGIL) demo --seconds $(DEMO_SECONDS) --devices $(DEVICES)

test: dev-setup test-system test-rust test-python ## Every test, Rust and Python, on the embedded log and on Kafka

.PHONY: test-system
test-system:
	@bash scripts/system.sh --have java openjdk-17-jre-headless --have mvn maven --have chromium chromium

test-rust: ## Only the Rust tests
	@bash scripts/cargo.sh test --workspace --locked --quiet

test-python: ## Only the Python tests: PYTEST_ARGS=
	$(PY) -m pytest $(PYTEST_ARGS)

lint: dev-setup ## ruff, mypy, clippy, rustfmt, buf, imports, stubs
	.venv/bin/ruff check . && .venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/buf lint
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked --quiet -- -D warnings

format: dev-setup ## Format everything
	.venv/bin/ruff check --fix . ; .venv/bin/ruff format . ; cargo fmt --all

proto: dev-setup ## Generate the Python messages again
	$(PY) scripts/proto.py

lock: dev-setup ## Lock the dependencies with hashes again
	for kind in runtime build dev; do .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-emit-find-links requirements/$$kind.in -o requirements/$$kind.lock; done
	cargo update --workspace

audit: dev-setup ## Known vulnerabilities of the locked dependencies (needs the advisory service)
	.venv/bin/pip-audit --require-hashes --disable-pip -r requirements/dev.lock

bench: dev-setup test-system ## The benchmark; writes load/REPORT.md
	$(PY) -m load.bench $(BENCH_ARGS)

train: dev-setup ## The model anew from the recordings, with its card; writes models/ (DATA= their folder)
	$(PY) -m models.train $(if $(DATA),--data $(DATA))

kafka: setup ## Apache Kafka on loopback, in the foreground
	@bash scripts/system.sh --have java openjdk-17-jre-headless --have mvn maven
	$(PY) -m vigil.embedded.kafka

load: dev-setup ## Locust, headless, against a running gateway
	.venv/bin/locust -f load/locustfile.py --headless --users 20 --spawn-rate 20 --run-time 30s --host http://127.0.0.1:3000

up: setup ## The ten services on the embedded log, until Ctrl-C
	$(VIGIL) up

down: ## Stop them
	$(VIGIL) down

logs: ## Follow the services' logs
	tail -n 50 -F .vigil/logs/*.log

dev: dev-setup ## As `up`, with debug logs and no simulator
	LOG_LEVEL=DEBUG $(VIGIL) up --no-simulator

seed: setup ## Demo patients, devices and limits into a running registry
	$(VIGIL) seed

simulate: setup ## Simulated devices against a running gateway: DEVICES= INTERVAL= EPISODE_RATE=
	$(VIGIL) simulate --devices $(DEVICES) --interval $(INTERVAL) --episode-rate $(EPISODE_RATE)

e2e: dev-setup test-system ## Only the end-to-end and chaos tests
	$(PY) -m pytest tests/e2e tests/chaos

docs: dev-setup ## Generate the settings, vocabulary, scores and examples in docs/, and rules/schema.json, again
	$(PY) scripts/operations_doc.py
	$(PY) scripts/vocabulary_doc.py
	$(PY) scripts/scores_doc.py
	$(PY) scripts/events_doc.py
	$(PY) scripts/rules_schema.py

image: ## The container image (needs a Docker Engine)
	docker build -f deploy/Dockerfile -t vigil:latest .

clean: ## Everything that was built or run here
	-$(VIGIL) down 2>/dev/null
	rm -rf .venv .vigil target python/vigil/_core*.so .pytest_cache .mypy_cache .ruff_cache .hypothesis
