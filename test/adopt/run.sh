#!/usr/bin/env bash
# Runs the recipes of docs/adopt/, the very files that the pages show, each with its framework and a Latchkey of its own:
# somebody signs in, fails until locked, is told, is unlocked, signs in. Arguments choose recipes; without any, all run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
root=$(cd ../.. && pwd)
export PATH="$root/node_modules/.bin:$PATH"

start_seconds_max=60
build_seconds_max=240
recipe_seconds_max=180

folder=$(mktemp -d)
server=''
passed=0
failed=0

stop() {
  if [[ -n $server ]]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    server=''
  fi
}
trap 'stop; rm -rf "$folder"' EXIT

start_server() {
  local data=$folder/$1
  node "$root/src/main.ts" serve --data "$data" --port 0 --lockout-attempts 3 >"$data.log" 2>&1 &
  server=$!
  local deadline=$((SECONDS + start_seconds_max))
  until LATCHKEY_URL=$(sed -n 's#^Latchkey serves every protocol at \(http://.*[0-9]\)/\?$#\1#p' "$data.log") && [[ -n $LATCHKEY_URL ]]; do
    if ((SECONDS >= deadline)) || ! kill -0 "$server" 2>/dev/null; then
      echo 'the server did not start:'
      cat "$data.log"
      return 1
    fi
    sleep 0.1
  done
  ADMIN_TOKEN=$(cat "$data/admin-token")
  export LATCHKEY_URL ADMIN_TOKEN
  make_token
}

# The application's own: a machine user with the role of a login client.
make_token() {
  local latchkey=(node "$root/src/main.ts") id
  export LATCHKEY_TOKEN=$ADMIN_TOKEN
  id=$("${latchkey[@]}" user create --machine --name shop --json | node -p 'JSON.parse(fs.readFileSync(0, "utf8")).userId')
  "${latchkey[@]}" grant add "$id" IAM_LOGIN_CLIENT >/dev/null
  LATCHKEY_TOKEN=$("${latchkey[@]}" token create "$id" --json | node -p 'JSON.parse(fs.readFileSync(0, "utf8")).token')
}

build() {
  rm -rf "$1/dist"
  local files=$1/dist/files
  if [[ $1 == spring ]]; then files+=/adopt; fi
  node files.ts "$root/docs/adopt/$1.md" "$files"
  case $1 in
    express) (cd express && npm ci --ignore-scripts --silent) ;;
    django)
      python3 -m venv django/dist/venv
      django/dist/venv/bin/pip install --quiet --disable-pip-version-check --requirement django/requirements.txt
      ;;
    spring) (cd spring && mvn --batch-mode --quiet compile dependency:build-classpath -Dmdep.outputFile=dist/classpath) ;;
  esac
}

recipe() {
  local command=()
  case $1 in
    express) command=(node app.js) ;;
    django) command=("$PWD/django/dist/venv/bin/python" app.py) ;;
    spring) command=(java -cp "$PWD/spring/dist/classes:$(<spring/dist/classpath)" adopt.App) ;;
  esac
  timeout --kill-after=5 "$recipe_seconds_max" node suite.ts "$1" "${command[@]}"
}

export -f build
export root

if (($# == 0)); then set -- curl express django spring; fi
for one in "$@"; do
  if timeout "$build_seconds_max" bash -euo pipefail -c "build $one" && start_server "$one" && recipe "$one"; then
    passed=$((passed + 1))
    echo "PASS $one"
  else
    failed=$((failed + 1))
    echo "FAIL $one"
  fi
  stop
done
echo "$passed passed, $failed failed"
((failed == 0))
