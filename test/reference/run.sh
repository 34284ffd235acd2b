#!/usr/bin/env bash
# The reference, held to what it says: a validator reads the document, schemathesis asks everything that it offers,
# openapi-generator makes clients of it that lock, list and unlock, and the snippets of the pages run as they are printed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
PATH="$(cd ../.. && pwd)/node_modules/.bin:$PATH"
export PATH

# Three minutes on two cores that do nothing else: nine languages say all that the pages print.
seconds_max=${REFERENCE_SECONDS:-1100}

status=0
timeout --kill-after=10 "$seconds_max" node --no-warnings suite.ts || status=$?
if ((status >= 124)); then printf 'FAIL stopped: it took too long\n0 passed, 1 failed\n'; fi
exit "$status"
