#!/usr/bin/env bash
# Runs the suite under branch coverage, child processes included, and holds it to the two floors.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

coverage=(.venv/bin/python -m coverage)
"${coverage[@]}" erase
"${coverage[@]}" run -m pytest
"${coverage[@]}" combine --quiet
"${coverage[@]}" report
echo "the pure rooms:"
"${coverage[@]}" report --fail-under=100 --include='router/model/*,router/engine/*,router/rules/*,router/yamldoc/*,router/errors.py'
