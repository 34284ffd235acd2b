#!/usr/bin/env bash
# Makes a virtual environment with Google's Python client and the stubs that its own compiler makes of proto/.
set -euo pipefail
cd "$(dirname "$0")"
proto=../../../proto
rm -rf dist
python3 -m venv dist/venv
dist/venv/bin/pip install --quiet --disable-pip-version-check --only-binary :all: --requirement requirements.txt
mkdir dist/stubs
mapfile -t files < <(cd "$proto" && find . -name '*.proto' | sed 's#^\./##')
dist/venv/bin/python -m grpc_tools.protoc --proto_path="$proto" --python_out=dist/stubs --grpc_python_out=dist/stubs "${files[@]}"
