#!/usr/bin/env bash
# Builds the clients of other makers, starts Latchkey in a folder of its own, and lets each client unlock a locked
# user and read why a second unlock is refused. Arguments choose clients; without any, all run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
root=$(cd ../.. && pwd)
export PATH="$root/node_modules/.bin:$PATH"

start_seconds_max=60
build_seconds_max=240
client_seconds_max=120

folder=$(mktemp -d)
server=''
passed=0
failed=0

stop() {
  if [[ -n $server ]]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$folder"
}
trap stop EXIT

start_server() {
  node "$root/src/main.ts" serve --demo --data "$folder/data" --port 0 >"$folder/server.log" 2>&1 &
  server=$!
  local deadline=$((SECONDS + start_seconds_max))
  until url=$(sed -n 's#^Latchkey serves every protocol at \(http://.*[0-9]\)/\?$#\1#p' "$folder/server.log") && [[ -n $url ]]; do
    if ((SECONDS >= deadline)) || ! kill -0 "$server" 2>/dev/null; then
      echo 'the server did not start:'
      cat "$folder/server.log"
      exit 1
    fi
    sleep 0.1
  done
  export LATCHKEY_ADDRESS=${url#http://}
  LATCHKEY_TOKEN=$(cat "$folder/data/admin-token")
  export LATCHKEY_TOKEN
}

# post PATH JSON — prints the answer's body; fails where the status says so.
post() {
  curl --silent --show-error --fail-with-body --max-time 10 --header "Authorization: Bearer $LATCHKEY_TOKEN" \
    --header 'Content-Type: application/json' --data "$2" "$url$1"
}

find_user() {
  local query='{"queries":[{"stateQuery":{"state":"USER_STATE_LOCKED"}}],"query":{"limit":1}}'
  LATCHKEY_USER_ID=$(post /v2/users "$query" | node -p 'JSON.parse(fs.readFileSync(0, "utf8")).result[0].userId')
  export LATCHKEY_USER_ID
}

state() {
  curl --silent --fail-with-body --max-time 10 --header "Authorization: Bearer $LATCHKEY_TOKEN" \
    "$url/v2/users/$LATCHKEY_USER_ID" | node -p 'JSON.parse(fs.readFileSync(0, "utf8")).user.state'
}

# client NAME — the user is locked before; the client must end well, and must have unlocked for real.
client() {
  local name=$1 command=()
  command_of "$name"
  if [[ $(state) != USER_STATE_LOCKED ]]; then post "/v2/users/$LATCHKEY_USER_ID/lock" '{}' >/dev/null; fi
  if timeout "$client_seconds_max" "${command[@]}" && [[ $(state) == USER_STATE_ACTIVE ]]; then
    pass "$name"
  else
    fail "$name"
  fi
}

pass() {
  passed=$((passed + 1))
  echo "PASS $1"
}

fail() {
  failed=$((failed + 1))
  echo "FAIL $1"
}

# suite FOLDER CLIENT… — builds one folder and runs its clients; without the build all of them have failed.
suite() {
  local language=$1 one
  shift
  if ! timeout "$build_seconds_max" "./$language/build.sh"; then
    for one in "$@"; do fail "$one (build)"; done
    return
  fi
  for one in "$@"; do client "$one"; done
}

# The standard's own libraries judge what we sign, beside the snippets of the page.
judges() {
  if timeout "$build_seconds_max" ./webhooks/build.sh && (cd "$root" && npm test -- test/webhooks/snippets.test.ts); then
    pass webhooks
  else
    fail webhooks
  fi
}

# The command of a client, in $command.
command_of() {
  case $1 in
    python-grpcio) command=(env PYTHONPATH=python/dist/stubs python/dist/venv/bin/python python/client.py) ;;
    go-*) command=(go/dist/client "${1#go-}") ;;
    java-grpc) command=(java -cp "java/dist/classes:$(<java/dist/classpath)" interop.Client) ;;
    grpc-web-*) command=(node grpc-web/client.js "${1#grpc-web-}") ;;
  esac
}

main() {
  start_server
  find_user
  local language
  for language in "$@"; do
    case $language in
      python) suite python python-grpcio ;;
      go) suite go go-grpc go-connect ;;
      java) suite java java-grpc ;;
      grpc-web) suite grpc-web grpc-web-text grpc-web-binary ;;
      webhooks) judges ;;
      *) echo "no client is called $language"; exit 2 ;;
    esac
  done
  echo "$passed passed, $failed failed"
  ((failed == 0))
}

if (($# == 0)); then set -- python go java grpc-web webhooks; fi
main "$@"
