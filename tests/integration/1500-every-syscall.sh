#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# kill -9 of each stage and of the supervisor at every syscall of two short runs, and again while
# that is being recovered from: same bytes, and nothing is left behind.
. "$ROOT/tests/integration/lib.sh"
[ "$BUILD_NAME" = build ] || skip "the sweep takes long, and is for the program as it is shipped"
"$ROOT/tests/sweep/run" "$ROOT/$BUILD_NAME"
