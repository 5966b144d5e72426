/* SPDX-License-Identifier: MIT */
#include "stages/kinds/kinds.h"

const struct kind_entry bulkhead_kinds[] = {KIND_LIST(KIND_ENTRY){0}};
