# shellcheck shell=bash
# What every script in dev/ needs: where things are, how to speak, and children that all end with one Ctrl-C.
# Sourced, not run: the first comment of the script that sources it is its --help text.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
name=${0##*/}
export MOQ_CACHE=${MOQ_CACHE:-$HOME/.cache/moq-relay}
export MOQ_JOBS=${MOQ_JOBS:-$(nproc)}
export MOQ_TOP=$top MOQ_BIN=$top/build/bin

if [ -t 2 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' yellow=$'\e[33m' plain=$'\e[0m'
else
    bold='' red='' green='' yellow='' plain=''
fi
# shellcheck disable=SC2034 # used by the scripts that source this file
colours="$bold$red$green$yellow$plain"

say() { printf '%s: %s\n' "$bold$name$plain" "$*" >&2; }

fail() {
    printf '%s: %s\n' "$red$name$plain" "$*" >&2
    exit 1
}

# The comment at the top of a script, without its marks.
usage() { sed -n -e '1d' -e '/^#/!q' -e 's/^# \{0,1\}//p' "$0"; }

# Call with the script's arguments: answers --help.
help_or_go_on() {
    case "${1:-}" in
    -h | --help)
        usage
        exit 0
        ;;
    esac
}

has() { command -v "$1" >/dev/null 2>&1; }

# Children by name, so that one that fails can be named, and in the order in which they were started.
declare -A children=()
started=()

# Each child leads a process group of its own, so that ending it ends the whole of a pipeline.
start() { # name command...
    local label=$1
    shift
    set -m
    "$@" </dev/null &
    set +m
    children[$!]=$label
    started+=("$!")
}

signal_child() { kill -"$1" -- "-$2" 2>/dev/null; } # signal pid: false when nobody was left to hear it

# Asks politely, the newest first, because it may need an older one to end cleanly; waits three seconds at most for each, then
# ends it. Another Ctrl-C meanwhile changes nothing: whoever left now would leave the rest running.
stop_children() {
    trap - EXIT
    trap '' INT TERM
    local i pid tries
    for ((i = ${#started[@]} - 1; i >= 0; i--)); do
        pid=${started[i]}
        if [ -z "${children[$pid]:-}" ] || ! signal_child TERM "$pid"; then
            continue
        fi
        for tries in {1..30}; do
            signal_child 0 "$pid" || break
            sleep 0.1
        done
        [ "$tries" -lt 30 ] || signal_child KILL "$pid" || true
    done
    wait
}

end_together() {
    trap stop_children EXIT
    trap 'stop_children; exit 0' INT TERM
}

# Waits for whichever child ends first, ends the others, and says what happened.
wait_for_any() {
    local status=0 ended=''
    wait -n -p ended || status=$?
    local label=${children[${ended:-0}]:-a child}
    [ -z "$ended" ] || unset "children[$ended]"
    stop_children
    [ "$status" = 0 ] || fail "$label ended with status $status"
    say "$label has ended"
}
