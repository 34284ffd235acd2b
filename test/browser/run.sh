#!/usr/bin/env bash
# Lets a real Chromium unlock users through every client that a web page can use: from an origin that is allowed,
# from one that is not, and over TLS. Needs chromium, openssl and the packages of the root folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
PATH="$(cd ../.. && pwd)/node_modules/.bin:$PATH"
export PATH

install_seconds_max=120
suite_seconds_max=360

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

give_up() {
  printf 'FAIL %s\n0 passed, 1 failed\n' "$1"
  exit 1
}

CHROMIUM=${CHROMIUM:-$(command -v chromium)} || give_up 'chromium is missing: apt-get install chromium'
timeout "$install_seconds_max" npm ci --ignore-scripts --silent || give_up 'the packages cannot be installed'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=latchkey \
  -addext subjectAltName=IP:127.0.0.1 -keyout "$folder/tls.key" -out "$folder/tls.crt" 2>"$folder/openssl.log" ||
  give_up "no certificate: $(<"$folder/openssl.log")"

# Whatever the browser writes goes with the folder. Node trusts the certificate; the browser is told to ignore it.
export CHROMIUM FOLDER=$folder TMPDIR=$folder XDG_CONFIG_HOME=$folder/config XDG_CACHE_HOME=$folder/cache
export NODE_EXTRA_CA_CERTS=$folder/tls.crt
status=0
timeout --kill-after=10 "$suite_seconds_max" node suite.js || status=$?
if ((status >= 124)); then give_up "stopped after $suite_seconds_max s"; fi
exit "$status"
