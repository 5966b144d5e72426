#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What README, documents and manuals show is true: every command line is run, every topology is checked
# and run, parts of topologies are completed, samples of files and frames are compared with real ones.
. "$ROOT/tests/integration/lib.sh"
case $BUILD_NAME in
*asan*) skip "a sanitizer writes lines to the log that no sample shows; the plain build plays all of them" ;;
esac
export BULKHEAD BUILD_NAME ROOT
exec env PYTHONDONTWRITEBYTECODE=1 python3 "$ROOT/tests/integration/shown.py" "$ROOT" "$BUILD_NAME" "$PWD"
