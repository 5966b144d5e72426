#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every malformed line against its dead letter, whole lines; what is odd but good gives an answer.
. "$ROOT/tests/integration/lib.sh"
export INPUT="$PWD/input" OUTPUT="$PWD/answers"
{
    printf '{"id":"1","customer_id":"7","load_amount":"$10.00","time":"2000-01-01T00:00:00Z"}\r\n'
    printf 'not json\n'
    printf '\n   \t \r\n'
    printf '{"id":"2","load_amount":"$10.00","time":"2000-01-01T00:00:00Z"}\n'
    printf '{"id":3,"customer_id":"7","load_amount":"$10.00","time":"2000-01-01T00:00:00Z"}\n'
    printf '{"id":"4","customer_id":"7","load_amount":"€10.00","time":"2000-01-01T00:00:00Z"}\n'
    printf '{"id":"5","customer_id":"7","load_amount":"$10.001","time":"2000-01-01T00:00:00Z"}\n'
    printf '{"id":"6","customer_id":"7","load_amount":"$99999999999999999999.00","time":"2000-01-01T00:00:00Z"}\n'
    printf '{"id":"7","customer_id":"7","load_amount":"10.00","time":"2000-01-01T00:00:00Z"}\n'
    printf '{"id":"8","customer_id":"7","load_amount":"$10.00","time":"2000-02-30T00:00:00Z"}\n'
    printf '{"id":"\xff","customer_id":"7","load_amount":"$10.00","time":"2000-01-01T00:00:00Z"}\n'
    printf '{"id":"9","id":"9","customer_id":"7","load_amount":"$10.00","time":"2000-01-01T00:00:00Z"}\n'
    printf '[1,2]\n'
    printf '{"id":"10","customer_id":"7","load_amount":"-$1.00","time":"2000-01-01T00:00:00Z"}\n'
    printf '{"id":"11","customer_id":"7","load_amount":"$10.00","time":"9999-01-01T00:00:00Z"}\n'
    printf '{"id":"12","customer_id":"7","load_amount":"$10.00","time":"2000-03-01T00:00:00Z"}\n'
    printf '{"id":"13","customer_id":"7","load_amount":"$10.00","time":"2000-01-01T00:00:01Z"}\n'
    head -c 10000000 /dev/zero | tr '\0' 'x'
    printf '\n{"time":"2000-03-01T02:00:00.5+01:00", "x":[{}], "load_amount":"USD 1.5","customer_id":"\\u00e9\\n","id":"14"}'
} >input

run >summary
cat >wanted.answers <<'END'
{"id":"1","customer_id":"7","accepted":true}
{"id":"12","customer_id":"7","accepted":true}
{"id":"14","customer_id":"é\n","accepted":true}
END
same answers wanted.answers
dead=$(head -c 256 /dev/zero | tr '\0' 'x')
cat >wanted.dead <<END
{"seq":2,"line":2,"stage":"parse","reason":"not-json","message":"expected a value at byte 1","input":"not json"}
{"seq":3,"line":5,"stage":"parse","reason":"missing-field","message":"the field 'customer_id' is missing","input":"{\"id\":\"2\",\"load_amount\":\"\$10.00\",\"time\":\"2000-01-01T00:00:00Z\"}"}
{"seq":4,"line":6,"stage":"parse","reason":"wrong-type","message":"the field 'id' has the wrong JSON type: expected string, found a number","input":"{\"id\":3,\"customer_id\":\"7\",\"load_amount\":\"\$10.00\",\"time\":\"2000-01-01T00:00:00Z\"}"}
{"seq":5,"line":7,"stage":"parse","reason":"wrong-currency","message":"the field 'load_amount' is in another currency","input":"{\"id\":\"4\",\"customer_id\":\"7\",\"load_amount\":\"€10.00\",\"time\":\"2000-01-01T00:00:00Z\"}"}
{"seq":6,"line":8,"stage":"parse","reason":"too-many-decimals","message":"the field 'load_amount' has more decimals than its currency","input":"{\"id\":\"5\",\"customer_id\":\"7\",\"load_amount\":\"\$10.001\",\"time\":\"2000-01-01T00:00:00Z\"}"}
{"seq":7,"line":9,"stage":"parse","reason":"overflow","message":"the field 'load_amount' is larger than an amount can be","input":"{\"id\":\"6\",\"customer_id\":\"7\",\"load_amount\":\"\$99999999999999999999.00\",\"time\":\"2000-01-01T00:00:00Z\"}"}
{"seq":8,"line":10,"stage":"parse","reason":"bad-money","message":"the field 'load_amount' is not an amount with a currency, like \$12.34","input":"{\"id\":\"7\",\"customer_id\":\"7\",\"load_amount\":\"10.00\",\"time\":\"2000-01-01T00:00:00Z\"}"}
{"seq":9,"line":11,"stage":"parse","reason":"bad-timestamp","message":"the field 'time' is not an RFC 3339 time, like 2000-01-01T00:00:00Z","input":"{\"id\":\"8\",\"customer_id\":\"7\",\"load_amount\":\"\$10.00\",\"time\":\"2000-02-30T00:00:00Z\"}"}
{"seq":10,"line":12,"stage":"parse","reason":"not-utf8","message":"invalid UTF-8 at byte 8","input_base64":"eyJpZCI6Iv8iLCJjdXN0b21lcl9pZCI6IjciLCJsb2FkX2Ftb3VudCI6IiQxMC4wMCIsInRpbWUiOiIyMDAwLTAxLTAxVDAwOjAwOjAwWiJ9"}
{"seq":11,"line":13,"stage":"parse","reason":"duplicate-field","message":"the field 'id' appears more than once","input":"{\"id\":\"9\",\"id\":\"9\",\"customer_id\":\"7\",\"load_amount\":\"\$10.00\",\"time\":\"2000-01-01T00:00:00Z\"}"}
{"seq":12,"line":14,"stage":"parse","reason":"not-an-object","message":"expected an object, found an array","input":"[1,2]"}
{"seq":13,"line":15,"stage":"limits","reason":"negative-amount","message":"the amount is negative, and limits need amounts of 0 or more","record":{"id":"10","customer_id":"7","load_amount":"-\$1.00","time":"2000-01-01T00:00:00Z"}}
{"seq":14,"line":16,"stage":"parse","reason":"overflow","message":"the field 'time' lies outside the years 1677 to 2262","input":"{\"id\":\"11\",\"customer_id\":\"7\",\"load_amount\":\"\$10.00\",\"time\":\"9999-01-01T00:00:00Z\"}"}
{"seq":16,"line":18,"stage":"limits","reason":"late","message":"its day has closed: the latest time seen is past its end by the lateness or more","record":{"id":"13","customer_id":"7","load_amount":"\$10.00","time":"2000-01-01T00:00:01Z"}}
{"seq":17,"line":19,"stage":"loads","reason":"line-too-long","message":"the line is 10000000 bytes long, and max_line_bytes is 1048576; the input shown is its beginning","input":"$dead"}
END
with_version state wanted.dead
same state/dead-letters.jsonl wanted.dead
same_as_oracle answers

# An empty file is input too: an empty output, and no error.
rm -rf state answers input
: >input
run >summary
[ -f answers ] && [ ! -s answers ] || fail "an empty input should give an empty output"
grep -q 'nothing new' summary || fail "$(cat summary)"
