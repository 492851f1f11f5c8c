#!/usr/bin/env bash
# Installs the tool into an environment of its own; the runner's Python is left as it is.
# Inputs come as environment variables only: nothing that a workflow says is ever run as a script.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${INPUT_PYTHON:-python3}
package=${INPUT_PACKAGE:-}
venv=${RUNNER_TEMP:?}/deconvsurgery

fail() {
    printf '::error title=deconvsurgery::%s\n' "$1"
    exit 2
}

case ${INPUT_COMMAND:-check} in
    check | apply) ;;
    *) fail "the input command is check or apply" ;;
esac
[ "${RUNNER_OS:-}" != Windows ] ||
    fail "deconvsurgery does not run on Windows: use a runner of Linux or macOS"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "Python 3.11 or later is needed; name one with the input python, or use actions/setup-python first"

# The repository that this action is part of, with what HDF5 models need.
[ -n "$package" ] || package="$(cd "$here/../../.." && pwd)[hdf5]"

"$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -- "$package"
printf 'python=%s\n' "$venv/bin/python" >>"${GITHUB_OUTPUT:?}"
