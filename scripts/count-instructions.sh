#!/usr/bin/env bash
# The instructions of the request path, counted and held to benches/instructions.toml. Installs valgrind where it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v valgrind >/dev/null; then
    root=()
    [ "$(id -u)" = 0 ] || root=(sudo)
    command -v apt-get >/dev/null || {
        echo "no apt-get here: install valgrind by hand" >&2
        exit 1
    }
    "${root[@]}" apt-get update -qq
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes valgrind >/dev/null
fi
exec "${CARGO:-cargo}" run --quiet --release -p serinus-benches --bin instructions
