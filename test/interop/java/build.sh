#!/usr/bin/env bash
# Compiles the stubs of proto/ and the client, and notes the class path.
set -euo pipefail
cd "$(dirname "$0")"
rm -rf dist
# Maven resets colours that it was told not to set.
mvn --batch-mode --quiet compile dependency:build-classpath 2>&1 | sed 's/\x1b\[[0-9;]*m//g'
