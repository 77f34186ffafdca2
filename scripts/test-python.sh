#!/usr/bin/env bash
# The Python suite, in a clean virtual environment.
set -euo pipefail
cd "$(dirname "$0")/.."

clean=$(realpath -m "${CARGO_TARGET_DIR:-target}")/python/clean
rm -rf "$clean"
scripts/python-environment.sh clean -r python/tests/requirements.txt
sources=(python benches/python examples/python)
.venv/bin/ruff format --check --quiet --config python/pyproject.toml "${sources[@]}"
.venv/bin/ruff check --quiet --config python/pyproject.toml "${sources[@]}"

pytest=("$clean/bin/python" -m pytest -q -c python/pyproject.toml --rootdir .)
PYTHONDEVMODE=1 "${pytest[@]}" python/tests
# What may run at once runs once more, by two threads.
"${pytest[@]}" --parallel-threads=2 -m 'not slow' python/tests
PYTHONDEVMODE=1 "${pytest[@]}" --doctest-modules --pyargs serinus
"$clean/bin/python" -m mypy --config-file python/pyproject.toml -p serinus
"$clean/bin/python" -m mypy.stubtest serinus._serinus
