#!/bin/sh
# Runs the Connect project's conformance runner against our listener, lane and adapter.
#   run.sh [folder for the runner; default $CONFORMANCE_BIN, else .cache/conformance beside node_modules] [-- arguments for the runner]
# Exits with 0 where every case passes. There is no list of known failures, and none is taken.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
version=v1.0.5
bin=${CONFORMANCE_BIN:-$root/node_modules/.cache/conformance}
if [ $# -gt 0 ] && [ "$1" != -- ]; then
  bin=$1
  shift
fi
[ $# -eq 0 ] || shift

if [ ! -x "$bin/connectconformance" ]; then
  mkdir -p "$bin"
  GOBIN=$bin go install "connectrpc.com/conformance/cmd/connectconformance@$version"
fi
PATH=$root/node_modules/.bin:$PATH
export PATH
exec "$bin/connectconformance" --mode server --conf "$here/config.yaml" --max-servers 2 "$@" -- node "$here/server.ts"
