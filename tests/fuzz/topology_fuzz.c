/* SPDX-License-Identifier: MIT */
/*
 * Takes any bytes for the text of a topology, reads and checks them with all kinds, and prints the
 * errors. What is refused has an error, what is taken none.
 */
#include "common/buf.h"
#include "stages/kinds/kinds.h"
#include "stages/stage.h"
#include "tests/fuzz/fuzz.h"
#include "topology/diagnostics.h"
#include "topology/graph.h"
#include "topology/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct diagnostics d;
    diagnostics_init(&d, "fuzz.yaml", (const char *)data, size);
    struct topology *topology = NULL;
    int rc = topology_load("fuzz.yaml", (const char *)data, size, bulkhead_kinds,
                           TOPOLOGY_PROCESSES, &d, &topology);
    ALWAYS((rc == 0) == (d.count == 0));
    ALWAYS((rc == 0) == (topology != NULL));
    struct buf out = {0};
    diagnostics_print(&d, &out);
    buf_done(&out);
    diagnostics_done(&d);
    topology_free(topology);
    return 0;
}
