#!/usr/bin/env bash
# The instructions of the request path, counted and held to benches/instructions.toml. Installs valgrind where it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v valgrind >/dev/null || scripts/install-packages.sh valgrind
exec "${CARGO:-cargo}" run --quiet --release -p serinus-benches --bin instructions
