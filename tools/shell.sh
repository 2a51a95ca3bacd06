# shellcheck shell=bash disable=SC2034
# Sourced by script/* and .ci/run: where the tree is, where the cache is, how to speak.
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
: "${HOME:=$(getent passwd "$(id -u)" | cut -d: -f6)}"
cache="${SLUICE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sluice}"

say() { printf '%s\n' "== $*"; }
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# The Python that the tests run with. It is named in full: another python3 on PATH need not have
# pytest.
test_python() {
    local venv="$cache/venv/bin/python"
    if [ -x "$venv" ]; then echo "$venv"; else echo /usr/bin/python3; fi
}

# Runs a command and keeps what it prints for the case that it fails.
quietly() {
    local log status=0
    log="$(mktemp)"
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if [ "$status" -ne 0 ]; then tail -n 60 "$log" >&2; fi
    rm -f "$log"
    return "$status"
}
