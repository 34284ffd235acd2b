#!/usr/bin/env bash
# The console in a real Chromium: every story of a help desk, accessibility in four appearances, screenshots.
# SCREENSHOTS=docs/console/ keeps the pictures of the docs there, EVERY_SCREENSHOT=FOLDER one of all that is judged. Needs chromium.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
PATH="$PWD/node_modules/.bin:$PATH"
export PATH

# A minute and a half on two cores that do nothing else.
seconds_max=${CONSOLE_SECONDS:-800}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

CHROMIUM=${CHROMIUM:-$(command -v chromium)} || {
  printf 'FAIL chromium is missing: apt-get install chromium\n0 passed, 1 failed\n'
  exit 1
}
# Whatever the browser writes goes with the folder.
export CHROMIUM FOLDER=$folder TMPDIR=$folder XDG_CONFIG_HOME=$folder/config XDG_CACHE_HOME=$folder/cache
status=0
timeout --kill-after=10 "$seconds_max" node --no-warnings test/console/screens/suite.ts || status=$?
if ((status >= 124)); then printf 'FAIL stopped after %s s\n0 passed, 1 failed\n' "$seconds_max"; fi
exit "$status"
