#!/usr/bin/env bash
# Runs h2spec, the conformance suite of HTTP/2 and HPACK, against our listener: in the clear and over TLS.
#   run.sh [folder for h2spec; default $H2SPEC_BIN, else .cache/h2spec beside node_modules]
# Exits with 0 where every case passes; the last line says how many there were.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
version=v2.2.1+incompatible
bin=${1:-${H2SPEC_BIN:-$root/node_modules/.cache/h2spec}}
if [[ ! -x $bin/h2spec ]]; then
  mkdir -p "$bin"
  GOBIN=$bin go install "github.com/summerwind/h2spec/cmd/h2spec@$version"
fi
PATH=$root/node_modules/.bin:$PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

# judge SERVER-ARGUMENTS -- H2SPEC-ARGUMENTS
judge() {
  local server=() port line
  while [[ $1 != -- ]]; do server+=("$1"); shift; done
  shift
  coproc listener { exec node "$here/server.ts" "${server[@]}"; }
  local input=${listener[1]} pid=$listener_PID
  read -r port <&"${listener[0]}"
  "$bin/h2spec" --port "$port" --path /any --timeout 5 "$@" | tee "$work/report" || true
  exec {input}>&-
  wait "$pid" || true
  # "145 tests, 144 passed, 0 skipped, 1 failed"; a run that ends without that line has failed once.
  line=$(grep -E '^[0-9]+ tests, [0-9]+ passed, 0 skipped, [0-9]+ failed$' "$work/report") || line='0 tests, 0 passed, 0 skipped, 1 failed'
  passed=$((passed + $(sed -E 's/.* ([0-9]+) passed.*/\1/' <<<"$line")))
  failed=$((failed + $(sed -E 's/.* ([0-9]+) failed/\1/' <<<"$line")))
}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
  -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
# In the clear, bytes that are no preface are no HTTP/2 either: they are answered as HTTP/1.1, which
# http2/3.5/2 alone does not expect. Over TLS, where ALPN has settled it, that case is run too.
judge -- generic http2/3.5/1 http2/4 http2/5 http2/6 http2/7 http2/8 hpack
judge --cert "$work/cert.pem" --key "$work/key.pem" -- --tls --insecure
printf '%s passed, %s failed\n' "$passed" "$failed"
exit "$((failed > 0))"
