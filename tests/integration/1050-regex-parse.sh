#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Lines of a web server become records: whole answers and dead letters, the same from both hosts.
. "$ROOT/tests/integration/lib.sh"
topology=$PWD/weblog.yaml
cat >"$topology" <<'END'
topology: weblog
types:
  Access: { host: string, user: string, time: timestamp, request: string, status: int, size: string }
stages:
  lines: { kind: file.source, path: input }
  parse:
    kind: regex.parse
    from: lines
    type: Access
    pattern: '^(?<host>\S+) \S+ (?<user>\S+) \[(?<time>[^]]+)\] "(?<request>(?:[^"\\]|\\.)*)" (?<status>\d+) (?<size>\d+|-)$'
    timestamp_format: '%d/%b/%Y:%H:%M:%S %z'
    workers: 3
  format: { kind: json.encode, from: parse }
  out: { kind: file.sink, from: format, path: "${OUTPUT}" }
END
{
    printf '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326\n'
    printf '::1 - - [29/Feb/2000:23:59:59 +0000] "GET /\\"q\\" HTTP/1.1" 304 -\n'
    printf 'nothing of the kind\n'
    printf '::1 - - [30/Feb/2000:00:00:00 +0000] "GET / HTTP/1.1" 200 1\n'
    printf '::1 - - [29/Feb/2000:00:00:00 +0000] "GET / HTTP/1.1" 99999999999999999999 1\n'
    printf '::1 - - [29/Feb/2000:00:00:00 +0000] "GET /\xff HTTP/1.1" 200 1\n'
    printf '::1 - gr\xc3\xbc\xc3\x9f [29/Feb/2000:00:00:00 +0000] "" 408 0\n'
} >input

export OUTPUT=$PWD/answers
run >summary
cat >wanted <<'END'
{"host":"127.0.0.1","user":"frank","time":"2000-10-10T20:55:36Z","request":"GET /apache_pb.gif HTTP/1.0","status":200,"size":"2326"}
{"host":"::1","user":"-","time":"2000-02-29T23:59:59Z","request":"GET /\\\"q\\\" HTTP/1.1","status":304,"size":"-"}
{"host":"::1","user":"grüß","time":"2000-02-29T00:00:00Z","request":"","status":408,"size":"0"}
END
same answers wanted
cat >wanted.dead <<'END'
{"seq":3,"line":3,"stage":"parse","reason":"no-match","message":"the pattern does not match","input":"nothing of the kind"}
{"seq":4,"line":4,"stage":"parse","reason":"bad-timestamp","message":"the field 'time' is not a time in the required form","input":"::1 - - [30/Feb/2000:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1"}
{"seq":5,"line":5,"stage":"parse","reason":"overflow","message":"the field 'status' does not fit 64 bits","input":"::1 - - [29/Feb/2000:00:00:00 +0000] \"GET / HTTP/1.1\" 99999999999999999999 1"}
END
printf '{"seq":6,"line":6,"stage":"parse","reason":"not-utf8","message":"it is not UTF-8","input_base64":"%s"}\n' \
    "$(sed -n 6p input | tr -d '\n' | base64 -w0)" >>wanted.dead
with_version state wanted.dead
same state/dead-letters.jsonl wanted.dead

state=$PWD/inline OUTPUT=$PWD/inline-answers
run --inline >inline-summary
same answers inline-answers
with_version inline wanted.dead
same inline/dead-letters.jsonl wanted.dead

# Several groups with one name: the field is what that one took which took part, also without a value.
topology=$PWD/quoted.yaml
cat >"$topology" <<'END'
topology: quoted
types:
  Pair: { id: optional(string), n: int }
stages:
  lines: { kind: file.source, path: pairs }
  parse:
    kind: regex.parse
    from: lines
    type: Pair
    pattern: '(?J)^(?:"(?<id>[^"]*)"|(?<id>[^",]+))?,(?:(?<n>\d+)|#(?<n>-\d+))$'
  format: { kind: json.encode, from: parse }
  out: { kind: file.sink, from: format, path: "${OUTPUT}" }
END
printf '%s\n' 'bare,1' '"quoted",2' '"",#-3' ',4' 'bare,#-5' >pairs
cat >wanted <<'END'
{"id":"bare","n":1}
{"id":"quoted","n":2}
{"id":"","n":-3}
{"n":4}
{"id":"bare","n":-5}
END
for host in "" --inline; do
    state=$PWD/quoted$host OUTPUT=$PWD/quoted-answers$host
    run $host >summary
    same "$OUTPUT" wanted
    [ ! -s "$state/dead-letters.jsonl" ] || fail "dead letters: $(cat "$state/dead-letters.jsonl")"
done
