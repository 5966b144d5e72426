/* SPDX-License-Identifier: MIT */
#include "stages/dead_reasons.h"

#define X(name, text, meaning) const struct dead_reason name = {text, meaning};
DEAD_REASON_LIST(X)
#undef X
