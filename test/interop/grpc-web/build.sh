#!/usr/bin/env bash
# Installs the client and the XMLHttpRequest that it needs outside of a browser.
set -euo pipefail
cd "$(dirname "$0")"
npm ci --ignore-scripts --silent
