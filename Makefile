# The four words a developer needs: demo, test, bench, docs.

CARGO ?= cargo
export CARGO_TARGET_DIR ?= $(CURDIR)/target
# The model in the example is so small that one thread is faster than several.
EXAMPLE_ENV = RAYON_NUM_THREADS=1

.PHONY: demo fleet demo-python test test-faults bench bench-begin bench-criterion bench-programs bench-python bench-size bench-report instructions wheel docs format lint unit loom doc-check dependencies example python
# The steps of `test` run one after the other, whatever `-j` says.
.NOTPARALLEL:

## Rolls a good model out and a bad one back, on a real server under load.
demo:
	@echo '== demo'
	$(CARGO) run --release --quiet -p axum-server --bin demo

## The same in Python: a FastAPI server.
demo-python:
	@echo '== demo in Python'
	scripts/demo-python.sh

## Everything that must hold: what continuous integration runs.
test: format lint unit loom doc-check dependencies instructions fleet example python demo demo-python

## The Python package alone: the wheel, and its suite in a clean virtual environment.
python:
	@echo '== python'
	$(CARGO) clippy -p serinus-python --all-targets -- -D warnings
	scripts/test-python.sh

## A fleet on a real etcd: the crate's tests, and the example, whose processes die.
fleet:
	@echo '== fleet'
	scripts/install-etcd.sh
	$(CARGO) clippy -p serinus-etcd --all-targets --features tls -- -D warnings
	$(CARGO) clippy -p fleet --all-targets -- -D warnings
	$(CARGO) test -p serinus-etcd --features tls
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc -p serinus-etcd --no-deps --features tls
	$(CARGO) run --quiet -p fleet

## Everything that is done to a rollout to break it, with a table of what became of it.
test-faults:
	scripts/install-etcd.sh
	scripts/test-faults.sh

## The wheel that is given to others, in target/python/wheels, installed in target/python/wheel.
wheel:
	PROFILE=wheel scripts/python-environment.sh wheel

## Everything measured, beside what one would use instead, and docs/benchmarks.md written of it. Wants an idle machine.
bench: bench-begin bench-criterion bench-programs instructions bench-python bench-size bench-report

# A page is of one run.
bench-begin:
	@echo '== building what is measured: minutes, the first time'
	rm -rf $(CARGO_TARGET_DIR)/criterion $(CARGO_TARGET_DIR)/bench
	$(CARGO) bench -p serinus-benches --features peers --bench '*' --no-run --quiet
	$(CARGO) build -p serinus-benches --features peers --release --bins --quiet

bench-criterion:
	@echo '== criterion: about 7 minutes'
	$(CARGO) bench -p serinus-benches --features peers --bench '*'

bench-programs:
	@echo '== tails, and how cost grows: about a minute'
	$(CARGO) run --release --quiet -p serinus-benches --features peers --bin tails
	$(CARGO) run --release --quiet -p serinus-benches --features peers --bin scale

## The Python package beside what one would use without it.
bench-python:
	@echo '== Python: about 3 minutes, after the wheel is built'
	PROFILE=wheel scripts/python-environment.sh bench -r benches/python/requirements.txt -r benches/python/peers.txt
	$(CARGO_TARGET_DIR)/python/bench/bin/python benches/python/package.py
	$(CARGO_TARGET_DIR)/python/bench/bin/python benches/python/fixed_sample.py
	$(CARGO_TARGET_DIR)/python/bench/bin/python benches/python/peers.py

bench-size:
	@echo '== clean builds and sizes: about 2 minutes'
	scripts/measure-size.sh

bench-report:
	@echo '== the report'
	$(CARGO) run --release --quiet -p serinus-benches --features peers --bin report

## Instructions of the request path, counted by callgrind and held to benches/instructions.toml.
instructions:
	@echo '== instructions of the request path'
	$(CARGO) test --release --quiet -p serinus-benches --lib --bins
	scripts/count-instructions.sh

## The API's documentation, in target/doc.
docs:
	$(CARGO) doc --no-deps --all-features

format:
	@echo '== format'
	$(CARGO) fmt --all --check

lint:
	@echo '== lint'
	$(CARGO) clippy --all-targets --all-features -- -D warnings
	$(CARGO) clippy -p serinus --no-default-features -- -D warnings
	$(CARGO) clippy --release -p axum-server --all-targets -- -D warnings
	$(CARGO) clippy -p serinus-benches --all-targets -- -D warnings

unit:
	@echo '== unit, property, integration and documentation tests'
	$(CARGO) test --all-features

# Loom tries every interleaving of the epoch protocol; it needs a build of its own.
loom:
	@echo '== model checking'
	RUSTFLAGS='--cfg loom' $(CARGO) test -p serinus --lib --release --target-dir $(CARGO_TARGET_DIR)/loom loom

doc-check:
	@echo '== documentation without warnings'
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --no-deps --all-features

dependencies:
	@echo '== dependencies'
	scripts/check-modules.sh
	scripts/check-dependencies.sh

example:
	@echo '== the example server'
	$(EXAMPLE_ENV) $(CARGO) test --release -p axum-server
