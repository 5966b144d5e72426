#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The manuals say what the program is, and no more: commands with their options and defaults, exit codes,
# kinds with their options, types, defaults, choices and bounds, reasons of dead letters with who gives
# them. So do the tables of docs/protocol.md: bounds, dead letters, descriptors; those of a status are
# compared by 0168.
. "$ROOT/tests/integration/lib.sh"
export PYTHONDONTWRITEBYTECODE=1
python3 "$ROOT/tests/integration/manual_and_program.py" "$ROOT"

# A run with every form of a dead letter: raw input, raw input that is not UTF-8, and records.
{
    "$generate" --records 300 --customers 3 --malformed 10
    printf '{"id":"\xff","customer_id":"8","load_amount":"$5.00","time":"2000-01-03T06:00:00Z"}\n'
    echo '{"id":"x","customer_id":"8","load_amount":"-$5.00","time":"2000-01-03T06:00:00Z"}'
} >input
INPUT=input OUTPUT=answers run >run.out
python3 "$ROOT/tests/integration/protocol_tables.py" "$ROOT" "$state"
