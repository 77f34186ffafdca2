#!/usr/bin/env bash
# Builds the wheel and installs it, with what else is named, into the virtual environment target/python/NAME:
#
#     scripts/python-environment.sh NAME [what pip installs …]
#
# With PROFILE=wheel it is the one that is given to others, which takes minutes longer to build.
set -euo pipefail
cd "$(dirname "$0")/.."

target=$(realpath -m "${CARGO_TARGET_DIR:-target}")/python
tools=.venv
if [ ! -x "$tools/bin/maturin" ] || [ ! -x "$tools/bin/ruff" ]; then
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check 'maturin>=1.16,<2' 'ruff>=0.17,<0.18'
fi
rm -rf "$target/wheels"
(cd python && "../$tools/bin/maturin" build --quiet --profile "${PROFILE:-release}" --out "$target/wheels")

environment=$target/$1
shift
[ -x "$environment/bin/python" ] || python3 -m venv "$environment"
pip=("$environment/bin/pip" --quiet --disable-pip-version-check)
"${pip[@]}" install "$@"
"${pip[@]}" install --no-deps --force-reinstall "$target"/wheels/serinus-*.whl
