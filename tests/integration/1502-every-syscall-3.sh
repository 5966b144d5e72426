#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The third part of 1500.
part=3
. "$ROOT/tests/integration/1500-every-syscall.sh"
