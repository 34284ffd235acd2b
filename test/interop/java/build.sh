#!/usr/bin/env bash
# Compiles the stubs of proto/ and the client, and notes the class path.
set -euo pipefail
cd "$(dirname "$0")"
rm -rf dist
mvn --define style.color=never --batch-mode --quiet compile dependency:build-classpath
