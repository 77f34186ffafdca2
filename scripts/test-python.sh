#!/usr/bin/env bash
# Builds the wheel, installs it into a clean virtual environment, and runs the Python suite there.
set -euo pipefail
cd "$(dirname "$0")/.."

target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
tools=.venv
if [ ! -x "$tools/bin/maturin" ]; then
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check 'maturin>=1.16,<2'
fi
rm -rf "$target/python"
(cd python && "../$tools/bin/maturin" build --quiet --release --out "$target/python/wheels")

python3 -m venv "$target/python/clean"
clean=$target/python/clean/bin
"$clean/pip" install --quiet --disable-pip-version-check "$target"/python/wheels/serinus-*.whl 'pytest>=9,<10' 'mypy>=2,<3' \
    fastapi uvicorn httpx
PYTHONDEVMODE=1 "$clean/python" -m pytest -q -c python/pyproject.toml --rootdir . python/tests
PYTHONDEVMODE=1 "$clean/python" -m pytest -q -c python/pyproject.toml --rootdir . --doctest-modules --pyargs serinus
"$clean/python" -m mypy --config-file python/pyproject.toml -p serinus
"$clean/python" -m mypy.stubtest serinus._serinus
