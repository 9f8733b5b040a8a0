# Everything a newcomer types. Each target does its own set-up, once: Python packages come from the hashed locks in
# .locks/, the release build ends in .venv/bin/tidegate, and stamps in .venv/ say what is done.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Two targets at once would share one virtual environment and one cargo lock.
.NOTPARALLEL:

BIN := .venv/bin
# A server of this repository and a client talk over loopback: no proxy may stand between them.
export NO_PROXY := 127.0.0.1,localhost
# Settings of the caller's own environment must not leak into the build's.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Hashes are for wheels: nothing is compiled but Tidegate itself.
PIP_LOCKED := $(BIN)/pip install --quiet --require-hashes --only-binary :all: --no-deps
# Rust tests run unoptimised links but optimised code (profile `dev` in rust/Cargo.toml): the release profile's fat LTO
# would cost a second whole-program link for each test binary and find no other bug; debug assertions stay on.
CARGO_TEST := cargo test --manifest-path rust/Cargo.toml --locked
# The binding crate is a Python extension: only an interpreter can load it, so pytest tests it and cargo leaves it out.
RUST_CRATES := --workspace --exclude tidegate-python
RUST_SOURCES := $(shell find rust proto -type f -not -path "*/target/*" 2>/dev/null)
# Rust tests that run models load the library that the locks installed.
ONNXRUNTIME_OF_TESTS := TIDEGATE_TEST_ONNXRUNTIME="$$(echo $(CURDIR)/.venv/lib/python3.*/site-packages/onnxruntime/capi/libonnxruntime.so.*)"
FUZZ_CASES ?= 10000000
PYTEST_ARGS ?=

.PHONY: help demo test lint format bench bench-routing bench-peers soak fuzz lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' Makefile

demo: .venv/built ## replay real flights through a sticky 90/10 split of two models
	$(BIN)/python -m tidegate.demo

test: .venv/built .venv/dev ## formats, Rust tests, Python tests
	cargo fmt --manifest-path rust/Cargo.toml --all --check
	$(BIN)/ruff format --quiet --check python tests benchmarks proto
	$(BIN)/ruff check --quiet python tests benchmarks proto
	$(ONNXRUNTIME_OF_TESTS) $(CARGO_TEST) $(RUST_CRATES)
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: .venv/dev ## formats, clippy, ruff, mypy, import contracts
	cargo fmt --manifest-path rust/Cargo.toml --all --check
	PYO3_PYTHON=$(abspath $(BIN)/python) cargo clippy --manifest-path rust/Cargo.toml --locked --workspace --all-targets -- -D warnings
	$(BIN)/ruff format --check python tests benchmarks proto
	$(BIN)/ruff check python tests benchmarks proto
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: .venv/dev ## write what the format checks ask for
	cargo fmt --manifest-path rust/Cargo.toml --all
	$(BIN)/ruff format python tests benchmarks proto
	$(BIN)/ruff check --fix --exit-zero python tests benchmarks proto

bench: .venv/built .venv/dev ## measure against the peers and write a dated result
	benchmarks/run.sh

bench-routing: .venv/built .venv/dev ## measure decisions, conditions, shadows and reloads and write a dated result
	benchmarks/run.sh routing

bench-peers: .venv/built .venv/dev ## measure beside other servers in Python and write a dated result
	benchmarks/run.sh peers

soak: .venv/built .venv/dev ## ten thousand changes of a route while callers ask for half of what it can answer
	TIDEGATE_SOAK_APPLIES=10000 $(BIN)/python -m pytest tests/scenarios/test_applies.py

fuzz: ## ten million mutated requests against the parser (FUZZ_CASES=…)
	@.ci/tools >/dev/null
	TIDEGATE_FUZZ_CASES=$(FUZZ_CASES) $(CARGO_TEST) --profile fuzz -p tidegate-core --test fuzz_requests -- --nocapture

lock: .venv/base ## resolve the locks in .locks/ anew
	$(PIP_LOCKED) -r .locks/lock.txt
	.ci/lock $(BIN)/uv

clean: ## remove what the targets above have made
	rm -rf .venv build rust/target .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find python tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -f python/tidegate/*.so

.venv/base: .ci/tools
	@python="$$(.ci/tools)"; echo "setting up .venv with $$python"; "$$python" -m venv .venv
	@touch $@

.venv/demo: .venv/base .locks/demo.txt
	@echo "installing the packages of .locks/demo.txt"
	@$(PIP_LOCKED) -r .locks/demo.txt
	@touch $@

.venv/dev: .venv/demo .locks/dev.txt
	@echo "installing the packages of .locks/dev.txt"
	@$(PIP_LOCKED) -r .locks/dev.txt
	@touch $@

# Editable, so that only a change in Rust builds again; `--no-deps` keeps to what the locks installed.
.venv/built: .venv/demo pyproject.toml $(RUST_SOURCES)
	@.ci/tools >/dev/null
	@echo "building the release of Tidegate (the first time takes some minutes)"
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
