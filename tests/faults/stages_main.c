/* SPDX-License-Identifier: MIT */
/* A stage program of its own. */
#include "stages/host/stage_main.h"
#include "stages/kinds/kinds.h"
#include "tests/faults/fault.h"

static const struct kind_entry kinds[] = {FAULT_KIND_LIST(KIND_ENTRY){0}};

int main(int argc, char **argv)
{
    return stage_main(argc, argv, kinds);
}
