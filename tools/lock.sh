#!/usr/bin/env bash
# Writes requirements.lock and requirements-dev.lock anew from pyproject.toml: pinned, with hashes, no comments, no hosts.
#
# uv does the resolving, from a throw-away environment unless it is installed. `tools/lock.sh --upgrade` takes the newest
# versions that pyproject.toml admits; without it, what is pinned stays while it fits.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

uv=$(command -v uv || true)
if [ -z "$uv" ]; then
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  .venv/bin/python -m venv "$scratch"
  "$scratch/bin/pip" install --quiet --disable-pip-version-check uv
  uv=$scratch/bin/uv
fi
compile() {
  UV_PYTHON_DOWNLOADS=never "$uv" pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
    --no-header --no-annotate --no-emit-index-url "$@"
}
compile -o requirements.lock "$@"
compile --group dev -o requirements-dev.lock "$@"
if grep -nE '://|^--' requirements.lock requirements-dev.lock; then
  echo "lock: error: the lines above name a host; a lock holds names, versions and hashes only" >&2
  exit 1
fi
