/* SPDX-License-Identifier: MIT */
#include "stages/kinds/kinds.h"
#include "supervisor/command/command.h"

int main(int argc, char **argv)
{
    return command_main(argc, argv, bulkhead_kinds);
}
