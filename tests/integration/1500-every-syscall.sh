#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# kill -9 of each stage and of the supervisor at every syscall of two short runs, and again while
# that is being recovered from: same bytes, and nothing is left behind. It has three parts, which run
# beside each other, each with a limit of its own: this one, 1501 and 1502.
. "$ROOT/tests/integration/lib.sh"
[ "$BUILD_NAME" = build ] || skip "the sweep takes long, and is for the program as it is shipped"
"$ROOT/tests/sweep/run" --jobs "$(nproc)" --part "${part:-1}/3" "$ROOT/$BUILD_NAME"
