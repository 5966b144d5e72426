#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every topology of bad/ is refused with exactly the messages that stand beside it: the whole of
# standard error, and the exit code. UPDATE=1 writes down what is said now (see golden.py).
set -euo pipefail
mkdir bad
exec python3 "$ROOT/tests/integration/golden.py" check "$BULKHEAD" bad
