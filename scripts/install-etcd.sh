#!/usr/bin/env bash
# What a fleet's tests need and cargo does not bring: an etcd, and protoc to build its client. From Debian's packages.
set -euo pipefail

if command -v etcd >/dev/null && command -v protoc >/dev/null; then
    exit 0
fi
root=()
[ "$(id -u)" = 0 ] || root=(sudo)
command -v apt-get >/dev/null || {
    echo "no apt-get here: install etcd (3.4 or later) and protoc by hand" >&2
    exit 1
}
"${root[@]}" apt-get update -qq
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes etcd-server protobuf-compiler >/dev/null
