#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A followed log through the ways of rotating that are in use, by the renames of their programs: while
# the source is there, while it is not, and with the source and the supervisor killed in between. Every
# line comes once, in order.
. "$ROOT/tests/integration/lib.sh"
cat >t.yaml <<'END'
topology: t
stages:
  in: { kind: file.source, path: log/app.log, follow: true }
  out: { kind: file.sink, from: in, path: out }
END
topology=t.yaml

# Each gets the number of the rotation, from 1.
numbered() { # logrotate, Docker, Python, newsyslog
    for ((n = $1 - 1; n >= 1; n--)); do mv "log/app.log.$n" "log/app.log.$((n + 1))"; done
    mv log/app.log log/app.log.1
}
from_five() { # start 5, after one that was there before
    for ((n = $1 + 4; n >= 5; n--)); do mv "log/app.log.$n" "log/app.log.$((n + 1))"; done
    mv log/app.log log/app.log.5
}
in_front() { # logback: app.1.log
    for ((n = $1 - 1; n >= 1; n--)); do mv "log/app.$n.log" "log/app.$((n + 1)).log"; done
    mv log/app.log log/app.1.log
}
rising() { mv log/app.log "log/app.log.$1"; }               # log4j2: app.log.1 is the first
counted() { mv log/app.log "log/app.log-$((7 + $1))"; }     # from 9 to 10
dated() { mv log/app.log "log/app.log-$((20260227 + $1))"; } # dateext
dotted() { mv log/app.log "log/app.log.$((20260227 + $1))"; }
extended() { mv log/app.log "log/app-$((20260227 + $1)).log"; }
day_first() { # no order of names, so the times must differ: another tick of the clock of files
    local name
    name=log/app.log-$(date -u -d "2026-01-29 + $1 days" +%d-%m-%Y)
    mv log/app.log "$name"
    until [ clock -nt "$name" ]; do touch clock; done
}
timed() { mv log/app.log "log/app.log.2026-03-01_09-5$((3 + $1))"; }
labelled() { mv log/app.log "$(printf 'log/@4000000065f0a1%02xdeadbeef.s' $((8 + $1)))"; }
epoch() { mv log/app.log "log/app.log.$((1772323200 + 3600 * $1))"; }
only_old() { mv log/app.log log/app.log.old; } # the one before is gone with it
older_directory() { mv log/app.log "log/old/app.log-$((20260227 + $1))"; }
linked() { mv p/0.log "p/0.log.$((20260227 + $1))-101010"; }
link_moves() { # glog: another file, then the link
    : >"log/app.$((20260227 + $1)).4$1"
    ln -sfn "app.$((20260227 + $1)).4$1" log/new && mv -T log/new log/app.log
}
compressed() { # delaycompress: what was read by then
    for ((n = $1 - 1; n >= 2; n--)); do mv "log/app.log.$n.gz" "log/app.log.$((n + 1)).gz"; done
    [ "$1" -eq 1 ] || mv log/app.log.1 log/app.log.2
    mv log/app.log log/app.log.1
    [ "$1" -eq 1 ] || gzip log/app.log.2
}
compressed_at_once() { # what is read is held open by the source
    for ((n = $1 - 1; n >= 1; n--)); do mv "log/app.log.$n.gz" "log/app.log.$((n + 1)).gz"; done
    mv log/app.log log/app.log.1
    gzip log/app.log.1
}
copied() { # copytruncate
    for ((n = $1 - 1; n >= 1; n--)); do mv "log/app.log.$n" "log/app.log.$((n + 1))"; done
    cp log/app.log log/app.log.1
    : >log/app.log
}

write() {
    seq -f "%g of $scheme" "$((number + 1))" "$((number + $1))" | tee -a wanted >>log/app.log
    number=$((number + $1))
}
settle() {
    wait_for acked out "$number"
    wait_for acked in "$number" # before that the cursor may tell of a file that a rotation removes
    same out wanted
}
rotate() { # THE rotation, and what is written after it
    rotated=$((rotated + 1))
    "$scheme" "$rotated"
    write 7
}
# Whether it can be rotated while nobody looks: where the file before is removed, it is read first.
patient() { [ "$scheme" != only_old ] && [ "$scheme" != compressed ]; }
killed_supervisor() {
    kill -KILL "$supervisor"
    wait "$supervisor" 2>/dev/null || true
    supervisor=""
}

play() {
    scheme=$1 number=0 rotated=0
    rm -rf log p out "$state" wanted
    mkdir log log/old p
    case $scheme in
    linked) ln -s ../p/0.log log/app.log ;;
    link_moves) ln -s app.20260227.40 log/app.log ;;
    from_five) echo before >log/app.log.5 ;;
    esac
    write 5
    start
    settle
    rotate # with the source there
    settle
    "$BULKHEAD" kill in --state "$state" >/dev/null
    rotate # and killed
    settle
    killed_supervisor
    rotate # while nothing is there
    if patient; then
        rotate
        rotate
    fi
    start
    settle
    if patient; then
        # Rotated twice while the source does not look.
        kill -STOP "$(json in pid)"
        rotate
        rotate
        "$BULKHEAD" kill in --state "$state" >/dev/null
        settle
    fi
    stop
    rotate
    start
    settle
    stop
}

# With no file left of what was read, after a kill that is what is said, and how to go on.
play_at_once() {
    scheme=compressed_at_once number=0 rotated=0
    rm -rf log out "$state" wanted
    mkdir log
    write 5
    start
    settle
    for _ in 1 2 3; do
        rotate
        settle
    done
    ! grep -q . run.err || fail "$(cat run.err)"
    stop
    write 3
    rotate
    expect_exit 5 run 2>errors
    grep -q "is gone: it was rotated and then removed, compressed" errors || fail "$(cat errors)"
    gzip -dk log/app.log.1.gz
    start
    settle
    stop
}
play_at_once

for scheme in numbered from_five in_front rising counted dated dotted extended day_first timed labelled \
    epoch only_old older_directory linked link_moves compressed copied; do
    play "$scheme"
done
