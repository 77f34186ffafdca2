#!/usr/bin/env bash
# Everything that is done to a rollout to break it, on real processes, disks and an etcd, with a table of what became of it.
set -uo pipefail
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0

row() {
    local what=$1 begun=$SECONDS
    shift
    # A filter that no test has is no test that holds.
    if "$@" >"$log" 2>&1 && { [ "$2" = run ] || grep -q '[1-9][0-9]* passed' "$log"; }; then
        printf '| %-74s | held   | %4d s |\n' "$what" $((SECONDS - begun))
    else
        failed=1
        printf '| %-74s | BROKEN | %4d s |\n' "$what" $((SECONDS - begun))
        tail -n 40 "$log" >&2
    fi
}

core=("$cargo" test -q -p serinus --all-features)
sim=("$cargo" test -q -p serinus-sim)
fleet=("$cargo" test -q -p serinus-etcd --features tls)
"${core[@]}" --no-run && "${sim[@]}" --no-run && "${fleet[@]}" --no-run && "$cargo" build -q -p fleet || exit 1
printf '| %-74s | %-6s | %6s |\n|%s|%s|%s|\n' 'what is done' 'result' 'time' "$(printf -- '-%.0s' {1..76})" -------- --------
row 'the process dies at every write of its journal, before and after it' "${core[@]}" --test crash dies
row 'the process is killed at any instant, a reader looks on' "${core[@]}" --test crash killed
row 'files torn, damaged, foreign, full disks' "${core[@]}" --test crash disk::
row 'a disk that is full, slow, or hangs, under a driver on threads' "${core[@]}" --test deployment disk::
row 'a host that fails, hangs, panics or lies' "${core[@]}" --test deployment host::
row 'drivers that panic, are stopped or dropped; clocks that stand still' "${core[@]}" --test deployment driver::
row 'drivers that die in every phase' "${core[@]}" --test recovery
row 'controllers, clocks, replicas and routers that fail, in virtual time' "${sim[@]}" --test faults
row 'leaders deposed, frozen past their lease, or expired' "${fleet[@]}" --test fleet leading
row 'routers late, cut off, behind a compaction, or of another mind' "${fleet[@]}" --test fleet following
row 'routers that die and begin anew: nothing lost, nothing twice' "${fleet[@]}" --test fleet evidence
row 'a member of three killed, an etcd killed, wiped or full' "${fleet[@]}" --test fleet -- an_etcd_ one_of_three
row 'whole rollouts over a fleet' "${fleet[@]}" --test fleet rollout
row 'processes killed and frozen under load, an etcd restarted' "$cargo" run -q -p fleet
exit $failed
