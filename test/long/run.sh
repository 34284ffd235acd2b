#!/usr/bin/env bash
# The tests that do the same many times, as often as they are meant to: kills, parallel guesses, sieges, lives of the model.
# `npm test` runs the same tests a few times each. Two parts: `clocked`, those that compare how long answers take, one
# after another, about eight minutes; `others`, side by side, about twenty. Both where none is named.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# How much of it: three tenths where it is 0.3, which .ci/run takes for what only counts how often.
export TEST_LONG=${TEST_LONG:-1}

repeated() { grep --recursive --files-with-matches --include='*.test.ts' 'repetitions(' test; }
compares='support/\(auc\|beside\)\.ts'

clocked() {
  mapfile -t files < <(repeated | xargs grep --files-with-matches "$compares")
  npm test -- --runInBand "${files[@]}"
}

others() {
  mapfile -t files < <(repeated | xargs grep --files-without-match "$compares")
  # These wait less than the others of `npm test` do: three keep two processors busy.
  npm test -- --maxWorkers=3 "${files[@]}"
}

case ${1:-} in
  clocked | others) "$1" ;;
  '')
    status=0
    clocked || status=$?
    others || status=$?
    exit "$status"
    ;;
  *)
    echo "usage: test/long/run.sh [clocked|others]" >&2
    exit 2
    ;;
esac
