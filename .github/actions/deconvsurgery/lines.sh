# shellcheck shell=bash
# Sourced by the others: inputs of several lines as lists, outputs, summaries.

# The lines of $1 into the array `lines`, empty ones left out.
read_lines() {
    lines=()
    local line
    while IFS= read -r line || [ -n "$line" ]; do
        line=${line%$'\r'}
        if [ -n "$line" ]; then lines+=("$line"); fi
    done <<<"$1"
}

# The same, with globs expanded where no file has that very name; ** needs bash 4.
read_files() {
    read_lines "$1"
    local line found named=("${lines[@]+"${lines[@]}"}")
    shopt -s nullglob
    shopt -s globstar 2>/dev/null || true
    lines=()
    for line in "${named[@]+"${named[@]}"}"; do
        local IFS=''
        found=()
        # Unquoted for its globs only: with no separator it stays one word.
        # shellcheck disable=SC2206
        [ -e "$line" ] || found=($line)
        # Without a match it is named as it stands, for the tool to say that it is not there.
        if [ "${#found[@]}" -eq 0 ]; then found=("$line"); fi
        lines+=("${found[@]}")
    done
}

# Refuses $2, the value of the input $1, where it has more than one line.
one_line() {
    case $2 in
        *$'\n'* | *$'\r'*)
            printf '::error title=deconvsurgery::the input %s is one line\n' "$1"
            exit 2
            ;;
    esac
}

set_output() {
    printf '%s=%s\n' "$1" "$2" >>"${GITHUB_OUTPUT:?}"
}

# Adds the page $1 to the run's summary, cut where GitHub would refuse all of it (1 MiB).
add_summary() {
    if [ "${INPUT_SUMMARY:-true}" != true ] || [ ! -s "$1" ]; then return; fi
    local most=1000000
    if [ "$(wc -c <"$1")" -le "$most" ]; then
        cat "$1"
    else
        head -c "$most" "$1" | sed '$d'
        printf '\nThe rest is left out: a summary has room for 1 MiB.\n'
    fi >>"${GITHUB_STEP_SUMMARY:?}"
}
