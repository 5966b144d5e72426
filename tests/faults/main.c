/* SPDX-License-Identifier: MIT */
/* The program with the kinds of the product, and those that fail. */
#include "stages/kinds/kinds.h"
#include "supervisor/command/command.h"
#include "tests/faults/fault.h"

static const struct kind_entry kinds[] = {KIND_LIST(KIND_ENTRY) FAULT_KIND_LIST(KIND_ENTRY){0}};

int main(int argc, char **argv)
{
    return command_main(argc, argv, kinds);
}
