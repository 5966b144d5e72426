#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The tutorial, the page on deploying and the how-tos work as printed: each page is followed in an empty directory, block by block,
# and what its commands print is compared with the page. UPDATE=1 writes into the pages what is printed now.
. "$ROOT/tests/integration/lib.sh"
[ "$BUILD_NAME" = build ] || skip "the pages are followed with the usual build only"
export PYTHONDONTWRITEBYTECODE=1
python3 "$ROOT/tests/integration/in_order.py" "$ROOT" "$PWD"
