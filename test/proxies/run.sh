#!/usr/bin/env bash
# nginx, HAProxy, Caddy and Apache with the files of deploy/, each before a server of its own, all at once: unary calls in
# every dialect, streams through PROXIES_QUIET_SECONDS (120) without a word, the server restarted under load. Three minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
PATH="$(cd ../.. && pwd)/node_modules/.bin:/usr/sbin:$PATH"
export PATH PROXIES_QUIET_SECONDS=${PROXIES_QUIET_SECONDS:-120}

# For what comes before and after the quiet.
rest_seconds_max=180

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
  -addext subjectAltName=IP:127.0.0.1 -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
export NODE_EXTRA_CA_CERTS=$work/cert.pem PROXIES_FOLDER=$work

status=0
timeout --kill-after=10 "$((PROXIES_QUIET_SECONDS + rest_seconds_max))" node --no-warnings suite.ts || status=$?
if ((status >= 124)); then printf 'FAIL stopped: it took too long\n0 passed, 1 failed\n'; fi
exit "$status"
