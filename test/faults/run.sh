#!/usr/bin/env bash
# Two servers on one PostgreSQL, 16 clients, and faults for FAULTS_SECONDS (60): servers killed, the database restarted.
# Then what the clients were answered is held against the transitions table, the log, the rows and two followers; and
# servers with a bug show that the checks find it. DATABASE_URL names a server to use; without it one is started.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
PATH="$(cd ../.. && pwd)/node_modules/.bin:$PATH"
export PATH FAULTS_SECONDS=${FAULTS_SECONDS:-60}

# For what comes before and after: starting, reading everything, the servers with a bug.
rest_seconds_max=150

status=0
timeout --kill-after=10 "$((FAULTS_SECONDS + rest_seconds_max))" node --no-warnings suite.ts || status=$?
if ((status >= 124)); then printf 'FAIL stopped: it took too long\n0 passed, 1 failed\n'; fi
exit "$status"
