/* SPDX-License-Identifier: MIT */
/* The supervisor, who knows of the kinds that fail no more than their declarations. */
#include "stages/kinds/kinds.h"
#include "supervisor/command/command.h"
#include "tests/faults/fault.h"

#define DECLARATION(name) {.kind = &name##_kind},

static const struct kind_entry kinds[] = {KIND_LIST(KIND_ENTRY) FAULT_KIND_LIST(DECLARATION){0}};

int main(int argc, char **argv)
{
    return command_main(argc, argv, kinds);
}
