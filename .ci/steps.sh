# Sourced by .ci/run: how steps are run, what they count, and how the sum is told.
# shellcheck shell=bash

# Eighty of the ninety minutes that a run may take, so that the sum is still printed.
seconds_max=4800
passed=0
failed=0
broken=()
# What passed only when it was tried again, and all that failed at first.
again=()
kept=()
pass=0
fail=0
folder=$(mktemp -d)
log=$folder/log
# Which lane this is, of those that run beside each other, and what it leaves to be tried again when all have ended.
lane=''
later=()
lanes=()
trap 'if ((${#lanes[@]} > 0)); then kill "${lanes[@]}" || true; fi; rm -rf "$folder"' EXIT

# step NAME SECONDS COMMAND… — runs it under a time limit; what it prints is kept in $log, and shown: as it comes, or in a
# lane when it has ended, in one piece.
step() {
  local status=0
  if [[ -z $lane ]]; then
    run_step "$@"
    return
  fi
  printf '\n... %s: begun\n' "$1" | say
  run_step "$@" >"$folder/$lane.shown" 2>&1 || status=$?
  say <"$folder/$lane.shown"
  return "$status"
}

# Whole, though steps of two lanes may end at the same moment.
say() { flock "$folder/said" cat; }

run_step() {
  local name=$1 seconds=$2 started=$SECONDS left=$((seconds_max - SECONDS)) status=0
  shift 2
  printf '\n=== %s: %s\n' "$name" "$*"
  : >"$log"
  if ((left <= 0)); then printf 'no time left\n'; return 124; fi
  seconds=$((seconds < left ? seconds : left))
  if [[ -n $lane ]]; then
    # A lane that is stopped hears of it while it waits, and no earlier than that.
    timeout --kill-after=10 "$seconds" "$@" >"$log" 2>&1 &
    running=$!
    wait "$running" || status=$?
    running=''
    cat "$log"
  else
    timeout --kill-after=10 "$seconds" "$@" 2>&1 | tee "$log" || status=$?
  fi
  if ((status == 124)); then printf 'stopped after %s s\n' "$seconds"; fi
  printf -- '--- %s: exit %s after %s s\n' "$name" "$status" "$((SECONDS - started))"
  return "$status"
}

# A step without cases of its own counts as one.
check() {
  if step "$@"; then passed=$((passed + 1)); else fail_one "$1"; fi
}

fail_one() {
  failed=$((failed + 1))
  broken+=("$1")
}

# A suite says what it counted, in a line of its own: "12 passed, 1 failed". One that cannot start, or that stops
# without that line, has failed once. What failed is tried once more: many of these hold clocks against each other.
suite() {
  local status=0
  step "$@" || status=$?
  sum_up "$1" "$status"
  if ((status == 0 && fail == 0)); then count "$1" "$status" "$pass" "$fail"; return; fi
  keep "$1" '^(FAIL|not ok)\b'
  once_more suite_again "$@"
}

suite_again() {
  local status=0
  step "$1 again" "${@:2}" || status=$?
  sum_up "$1" "$status"
  if ((status == 0 && fail == 0)); then again+=("$1"); fi
  count "$1" "$status" "$pass" "$fail"
}

# once_more COMMAND… — at once, or when all lanes have ended: with nothing beside it.
once_more() {
  local line="${TEST_LONG:+TEST_LONG=$TEST_LONG }${*@Q}"
  if [[ -n $lane ]]; then later+=("$line"); else eval "$line"; fi
}

# sum_up NAME STATUS — sets $pass and $fail by the suite's own line.
sum_up() {
  local line
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1) || line='0 passed, 0 failed'
  pass=${line%% *}
  fail=$(sed -E 's/.*, ([0-9]+) failed/\1/' <<<"$line")
}

# Jest: "Tests:       3 failed, 2 skipped, 120 passed, 125 total"; a file that does not load is in "Test Suites:" only.
# The files that failed are tried once more, one after another, with nothing beside them.
jest_suite() {
  local status=0 files
  step "$@" || status=$?
  sum_up_jest
  if ((status == 0 && fail == 0)); then count "$1" "$status" "$pass" "$fail"; return; fi
  keep "$1" '^(FAIL |  ● )'
  mapfile -t files < <(plain | sed -nE 's/^FAIL (test\S+\.test\.ts).*/\1/p' | sort --unique)
  # Ten files are no bad moment of the machine any more, and a run that was stopped is not over.
  if ((status == 124 || ${#files[@]} == 0 || ${#files[@]} > 10)); then count "$1" "$status" "$pass" "$fail"; return; fi
  once_more jest_again "$1" "$pass" "$fail" "${files[@]}"
}

# jest_again NAME PASSED FAILED FILE… — after a run that counted so many.
jest_again() {
  local name=$1 first_pass=$2 first_fail=$3 status=0
  shift 3
  step "$name again" 1200 npm test -- --runInBand "$@" || status=$?
  sum_up_jest
  if ((status == 0 && fail == 0)); then again+=("$@"); fi
  count "$name" "$status" "$((first_pass + (first_fail > fail ? first_fail - fail : 0)))" "$fail"
}

sum_up_jest() {
  local tests suites
  tests=$(plain | grep -E '^Tests:' | tail -n 1) || tests=''
  suites=$(plain | grep -E '^Test Suites:' | tail -n 1) || suites=''
  pass=$(number passed "$tests")
  fail=$(number failed "$tests")
  if ((fail == 0)); then fail=$(number failed "$suites"); fi
}

# keep NAME PATTERN — what failed is said again at the end, where it is looked for.
keep() {
  kept+=("$1:" "$(plain | grep -E "$2" | cut -c1-300 | sort --unique | head -n 20 || true)")
}

plain() { sed -E 's/\x1b\[[0-9;]*m//g' "$log"; }

number() {
  local found
  found=$(grep -oE "[0-9]+ $1" <<<"$2" | head -n 1) || found='0'
  printf '%s\n' "${found%% *}"
}

# count NAME STATUS PASSED FAILED — an exit code that contradicts the count counts as a failure.
count() {
  passed=$((passed + $3))
  failed=$((failed + $4))
  if (($2 != 0 && $4 == 0)) || (($2 == 0 && $3 == 0)); then
    fail_one "$1"
  elif (($4 > 0)); then
    broken+=("$1")
  fi
}

# beside LANE… — runs these functions side by side, adds up what they counted, and then tries again what failed in them.
beside() {
  local one line
  for one in "$@"; do
    run_lane "$one" </dev/null &
    lanes+=("$!")
  done
  wait "${lanes[@]}" || true
  lanes=()
  for one in "$@"; do
    # shellcheck source=/dev/null
    if [[ -f $folder/$one.counted ]]; then source "$folder/$one.counted"; else fail_one "$one"; fi
  done
  for line in "${later[@]}"; do eval "$line"; done
  later=()
}

# A lane counts by itself, and leaves what it counted as lines for the shell.
run_lane() {
  lane=$1 log=$folder/$1.log running=''
  passed=0 failed=0 broken=() kept=() later=()
  trap 'if [[ -n $running ]]; then kill "$running"; fi; exit 143' TERM
  "$1"
  {
    printf 'passed=$((passed + %s)) failed=$((failed + %s))\n' "$passed" "$failed"
    printf 'broken+=(%s) kept+=(%s) later+=(%s)\n' "${broken[*]@Q}" "${kept[*]@Q}" "${later[*]@Q}"
  } >"$folder/$1.counted"
}

finish() {
  if ((${#kept[@]} > 0)); then printf '\nfailed at first:\n'; printf '%s\n' "${kept[@]}"; fi
  printf '\ntook %s s\n' "$SECONDS"
  if ((${#again[@]} > 0)); then printf 'passed when tried again: %s\n' "${again[*]}"; fi
  if ((${#broken[@]} > 0)); then printf 'failed: %s\n' "${broken[*]}"; fi
  printf '%s passed, %s failed\n' "$passed" "$failed"
  exit "$((failed > 0))"
}
