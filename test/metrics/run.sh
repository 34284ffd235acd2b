#!/usr/bin/env bash
# What Prometheus' own tools say of the metrics: promtool reads what a server exposes, the rules of deploy/ and what they
# do in a mass lockout; the strict parser of Prometheus' Python client reads both forms.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
root=$(cd ../.. && pwd)
PATH="$root/node_modules/.bin:$PATH"
export PATH

passed=0
failed=0
work=$(mktemp -d)
server=
cleanup() {
  if [[ -n $server ]]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap cleanup EXIT

# check NAME COMMAND… — counted, and what it said is shown where it failed.
check() {
  local name=$1
  shift
  if "$@" >"$work/said" 2>&1; then passed=$((passed + 1)); printf 'PASS %s\n' "$name"; return; fi
  failed=$((failed + 1))
  printf 'FAIL %s\n' "$name"
  sed 's/^/     /' "$work/said"
}

# Debian's package starts a server of its own where it is installed; the one program is all that is wanted.
find_promtool() {
  command -v promtool && return
  (cd "$work" && apt-get download --quiet --quiet prometheus && dpkg-deb --extract prometheus_*.deb prometheus) >&2
  printf '%s\n' "$work/prometheus/usr/bin/promtool"
}

start_server() {
  node --no-warnings "$root/src/main.ts" serve --demo --port 0 --data "$work/data" --metrics-listen 127.0.0.1:0 >"$work/out" 2>"$work/log" &
  server=$!
  for ((waited = 0; waited < 600; waited++)); do
    if grep --quiet '"metrics":"http' "$work/log"; then return; fi
    kill -0 "$server" || break
    sleep 0.1
  done
  cat "$work/log"
  return 1
}

scrape() { curl --silent --show-error --fail --header "accept: $1" "$(sed -nE 's/.*"metrics":"([^"]+)".*/\1/p' "$work/log")" >"$2"; }
check_metrics() { "$promtool" check metrics <"$work/text"; }

promtool=$(find_promtool)
check 'promtool reads the rules' "$promtool" check rules "$root/deploy/prometheus-rules.yaml"
check 'promtool: a mass lockout fires its alert, a busy day does not' "$promtool" test rules mass-lockout.yaml
check 'promtool: receivers of webhooks that are away or gone fire theirs' "$promtool" test rules webhooks.yaml
check 'promtool: a certificate that ends soon fires its alert, one of a day does not at once' "$promtool" test rules certificate.yaml
check 'a server starts' start_server
check 'it is read as Prometheus text' scrape 'text/plain; version=0.0.4' "$work/text"
check 'it is read as OpenMetrics' scrape 'application/openmetrics-text; version=1.0.0' "$work/openmetrics"
check 'promtool finds nothing to complain about' check_metrics
python3 -m venv "$work/python"
"$work/python/bin/pip" install --quiet --disable-pip-version-check prometheus_client==0.22.1
check 'the strict parsers of the Python client find the same series in both' "$work/python/bin/python" parse.py "$work/text" "$work/openmetrics"
printf '%s passed, %s failed\n' "$passed" "$failed"
exit "$((failed > 0))"
