#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Files, tests, decisions, headings and options that README, documents and manuals name are there.
. "$ROOT/tests/integration/lib.sh"
exec env PYTHONDONTWRITEBYTECODE=1 python3 "$ROOT/tests/integration/named.py" "$ROOT"
