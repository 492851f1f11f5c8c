#!/usr/bin/env bash
# Runs `deconvsurgery apply`: a line a layer in the log, a table in the summary, outputs.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lines.sh
. "$here/lines.sh"

for name in net model output; do
    variable=INPUT_$(printf '%s' "$name" | tr '[:lower:]' '[:upper:]')
    one_line "$name" "${!variable:-}"
    if [ -z "${!variable:-}" ] && [ "$name" != output ]; then
        printf '::error title=deconvsurgery apply::the input %s is needed\n' "$name"
        exit 2
    fi
done
read_lines "${INPUT_ARGS:-}"
args=("${lines[@]+"${lines[@]}"}")
files=("$INPUT_NET" "$INPUT_MODEL")
# Without one, the options say what is to be done: --in-place, --dry-run, --check.
if [ -n "${INPUT_OUTPUT:-}" ]; then files+=("$INPUT_OUTPUT"); fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

code=0
"${PYTHON:?}" -m deconvsurgery apply --json "${args[@]+"${args[@]}"}" -- "${files[@]}" \
    >"$work/apply.json" || code=$?

set_output exit-code "$code"
"$PYTHON" "$here/told.py" apply "$work/apply.json" "$work/summary.md" >>"${GITHUB_OUTPUT:?}"
add_summary "$work/summary.md"
exit "$code"
