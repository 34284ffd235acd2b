#!/usr/bin/env bash
# Makes the stubs with the three Go plug-ins that go.mod pins, and builds the client.
set -euo pipefail
cd "$(dirname "$0")"
PATH="$(cd ../../.. && pwd)/node_modules/.bin:$PATH"
export GOFLAGS=-mod=readonly
buf generate
go build -o dist/client .
