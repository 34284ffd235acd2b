#!/usr/bin/env bash
# The package as its users get it: packed, installed into an empty folder and globally, under the Nodes that people have,
# and run from there. DATABASE_URL names a PostgreSQL to use; without it one is started.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
PATH="$(cd ../.. && pwd)/node_modules/.bin:$PATH"
export PATH

# Four minutes on two cores that do nothing else.
seconds_max=${PACKAGE_SECONDS:-900}

status=0
timeout --kill-after=10 "$seconds_max" node --no-warnings suite.ts || status=$?
if ((status >= 124)); then printf 'FAIL stopped: it took too long\n0 passed, 1 failed\n'; fi
exit "$status"
