#!/usr/bin/env bash
# Asks the vulnerability database of the package index about every distribution in the lock files: a known hole is exit code 1.
#
# pip-audit does the asking, from a throw-away environment. Where it cannot be had, or the database does not answer for a
# distribution, that is said and is no failure, for a change is not at fault; `tools/audit.sh --strict` makes it one.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"${PYTHON:-.venv/bin/python}" -m venv "$scratch/venv"
if "$scratch/venv/bin/pip" install --quiet --disable-pip-version-check 'pip-audit>=2.10,<3' </dev/null 2>"$scratch/words"; then
  # Its own exit code does not tell a hole from a distribution it could not ask about.
  "$scratch/venv/bin/pip-audit" --disable-pip --require-hashes --progress-spinner off --format json \
    -r requirements-dev.lock </dev/null >"$scratch/report.json" 2>"$scratch/words" || true
fi
[ -s "$scratch/report.json" ] || tail -n 1 "$scratch/words" >&2
"$scratch/venv/bin/python" tools/audit.py "$scratch/report.json" requirements-dev.lock "$@"
