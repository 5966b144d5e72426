/* SPDX-License-Identifier: MIT */
/* print_graph SEED host|process WORKERS: writes a random topology to standard output. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/graphs/random_graph.h"

int main(int argc, char **argv)
{
    if (argc != 4) {
        (void)fprintf(stderr, "usage: print_graph SEED host|process WORKERS\n");
        return 2;
    }
    static struct random_graph graph;
    random_graph_make(strtoull(argv[1], NULL, 0), strcmp(argv[2], "host") == 0,
                      (unsigned)strtoul(argv[3], NULL, 10), &graph);
    return fwrite(graph.text, 1, graph.len, stdout) == graph.len ? 0 : 1;
}
