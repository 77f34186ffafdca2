#!/usr/bin/env bash
# Installs packages of Debian's: install-packages.sh NAME...
set -euo pipefail

root=()
[ "$(id -u)" = 0 ] || root=(sudo)
command -v apt-get >/dev/null || {
    echo "no apt-get here: install what Debian calls $* by hand" >&2
    exit 1
}
"${root[@]}" apt-get update -qq
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes "$@" >/dev/null
