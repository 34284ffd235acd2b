#!/usr/bin/env bash
# The tests that do the same many times, as often as they are meant to: kills, parallel guesses, sieges, lives of the model.
# `npm test` runs the same tests a few times each. About nine minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
mapfile -t files < <(grep --recursive --files-with-matches --include='*.test.ts' 'repetitions(' test)
TEST_LONG=1 exec npm test -- "${files[@]}"
