#!/usr/bin/env bash
# Gets the libraries of Standard Webhooks for Python and Go, which judge signatures in test/webhooks/snippets.test.ts.
set -euo pipefail
cd "$(dirname "$0")"
rm -rf dist
python3 -m venv dist/venv
dist/venv/bin/pip install --quiet --disable-pip-version-check --only-binary :all: --requirement requirements.txt
GOFLAGS=-mod=readonly go build -o dist/judge .
