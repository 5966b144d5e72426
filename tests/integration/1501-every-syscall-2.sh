#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The second part of 1500.
part=2
. "$ROOT/tests/integration/1500-every-syscall.sh"
