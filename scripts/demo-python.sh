#!/usr/bin/env bash
# The FastAPI server of examples/python under load from another process, through a good update and a bad one.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/python-environment.sh demo 'fastapi>=0.118,<1' 'httpx>=0.28,<1' 'uvicorn>=0.40,<1'
exec "$(realpath -m "${CARGO_TARGET_DIR:-target}")/python/demo/bin/python" examples/python/fastapi_server.py demo
