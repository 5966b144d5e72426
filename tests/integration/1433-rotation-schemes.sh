#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A followed file through the rotations of the field, as processes see them: every line once and in
# order, whatever the names say; with the source, and then the supervisor, killed in between.
. "$ROOT/tests/integration/lib.sh"
cat >follow.yaml <<'END'
topology: t
stages:
  in: { kind: file.source, path: log/app.log, follow: true }
  out: { kind: file.sink, from: in, path: out }
END
topology=$PWD/follow.yaml

n=0
line() { n=$((n + 1)) && echo "line $n" | tee -a wanted >>"$1"; }
read_so_far() { wait_for acked out "$n"; }
# Two files of one moment have one birth: the clock that they take it from must have gone on.
new_clock() {
    local before now
    touch clock.1 && before=$(stat -c %.Z clock.1)
    while rm -f clock.2 && touch clock.2 && now=$(stat -c %.Z clock.2) && [ "$now" = "$before" ]; do :; done
}

# scheme NAME ROTATE: four files, each made after ROTATE K has put the one before it away.
scheme() {
    local name=$1 rotate=$2 k
    echo "scheme $name"
    rm -rf "$name" && mkdir -p "$name/log" && cd "$name"
    state=$PWD/state n=0
    prepare_"$name"
    line log/app.log
    start
    for ((k = 1; k <= 4; k++)); do
        line log/app.log
        read_so_far
        case $k in
        2) killed in || fail "there is no source" ;;
        3)
            kill -9 "$supervisor"
            wait "$supervisor" || true
            ;;
        esac
        new_clock
        line log/app.log # may be read before, or after it was put away
        "$rotate" "$k"
        line log/app.log
        [ "$k" -ne 3 ] || start
        read_so_far
    done
    same out wanted
    stop
    same out wanted
    cd ..
}

prepare_rising() { :; } # log4j2: .1 is the oldest
rising() { mv log/app.log "log/app.log.$1"; }
prepare_falling() { :; } # logrotate: .1 is the newest
falling() {
    local i
    for ((i = $1 - 1; i >= 1; i--)); do mv "log/app.log.$i" "log/app.log.$((i + 1))"; done
    mv log/app.log log/app.log.1
}
prepare_counted() { :; } # from one digit to two
counted() { mv log/app.log "log/app.log-$((7 + $1))"; }
prepare_dated() { echo "long read" >log/app.log.20260228; } # dateformat .%Y%m%d, with an older one there
dated() { mv log/app.log "log/app.log.2026030$1"; }
prepare_day_first() { :; }
day_first() { mv log/app.log "log/app.log-$((31 - $1 * 7))-0$1-2026"; }
prepare_extension() { :; } # logrotate: extension .log
extension() { mv log/app.log "log/app-2026030$1.log"; }
prepare_linked() { mkdir pod && ln -s ../pod/0.log log/app.log; } # Kubernetes
linked() { mv pod/0.log "pod/0.log.2026030$1-101010"; }
prepare_old_directory() { mkdir log/old; } # logrotate: olddir
old_directory() { # what is moved away is found by the process that has it open, and by no other
    [ "$1" -ne 3 ] || return 0
    mv log/app.log "log/old/app.log.$1"
}

for name in rising falling counted dated day_first extension linked old_directory; do
    scheme "$name" "$name"
done

# The new file cannot be read for a while: it is waited for, like one that is not there.
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
    place=$(mktemp -d) # another user must come there
    trap 'rm -rf "$place"' EXIT
    mkdir "$place/log"
    chmod 777 "$place" "$place/log"
    cp follow.yaml "$place"
    cd "$place"
    topology=$PWD/follow.yaml state=$PWD/state n=0
    line log/app.log
    setpriv --reuid=65534 --regid=65534 --clear-groups "$BULKHEAD" run --quiet --state "$state" "$topology" >run.out 2>run.err &
    supervisor=$!
    wait_for running
    read_so_far
    new_clock
    mv log/app.log log/app.log.1
    umask 077 && line log/app.log && umask 022
    refused_once() { grep -q "app.log" run.err; }
    wait_for refused_once
    chmod 644 log/app.log
    read_so_far
    same out wanted
    stop
fi
