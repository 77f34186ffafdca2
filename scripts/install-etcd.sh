#!/usr/bin/env bash
# What a fleet's tests need and cargo does not bring: an etcd (3.4 or later), and protoc to build its client. From Debian's packages.
set -euo pipefail

command -v etcd >/dev/null && command -v protoc >/dev/null || "$(dirname "$0")/install-packages.sh" etcd-server protobuf-compiler
