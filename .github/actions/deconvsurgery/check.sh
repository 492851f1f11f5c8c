#!/usr/bin/env bash
# Runs `deconvsurgery check` once: annotations in the log, a summary, counts as outputs, SARIF if
# asked for; then fails the step if it is to fail.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lines.sh
. "$here/lines.sh"

one_line config "${INPUT_CONFIG:-}"
one_line sarif-file "${INPUT_SARIF_FILE:-}"
read_lines "${INPUT_ARGS:-}"
args=("${lines[@]+"${lines[@]}"}")
read_files "${INPUT_FILES:-}"
files=("${lines[@]+"${lines[@]}"}")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -n "${INPUT_CONFIG:-}" ]; then args+=(--config "$INPUT_CONFIG"); fi
if [ "${INPUT_ANNOTATIONS:-true}" = true ]; then args+=(--format github); fi
if [ -n "${INPUT_SARIF_FILE:-}" ]; then args+=(--also "sarif=$INPUT_SARIF_FILE"); fi
args+=(--also "markdown=$work/summary.md" --also "json=$work/check.json")

code=0
"${PYTHON:?}" -m deconvsurgery check "${args[@]}" -- "${files[@]+"${files[@]}"}" || code=$?

set_output exit-code "$code"
if [ -e "$work/check.json" ]; then
    "$PYTHON" "$here/told.py" check "$work/check.json" >>"${GITHUB_OUTPUT:?}"
    if [ -n "${INPUT_SARIF_FILE:-}" ]; then set_output sarif-file "$INPUT_SARIF_FILE"; fi
    add_summary "$work/summary.md"
else
    printf '::error title=deconvsurgery check::ended with %s; the reason is in the log\n' "$code"
fi

if [ "$code" -eq 1 ] && [ "${INPUT_FAIL_ON_FINDINGS:-true}" != true ]; then exit 0; fi
exit "$code"
