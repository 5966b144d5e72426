/* SPDX-License-Identifier: MIT */
/*
 * met.h - counts how often a model met what it is about
 *
 * A model that never gets where it is interesting proves nothing. MET(what) in a model counts one
 * visit, outside of the state; tests/model/run wants every event that a model names in MET_EVENTS
 * to have been met, and prints the counts.
 */
#ifndef BULKHEAD_TESTS_MODEL_MET_H
#define BULKHEAD_TESTS_MODEL_MET_H

#include <stdio.h>
#include <stdlib.h>

static unsigned long met_counts[32];
static const char *const met_names[] = {MET_EVENTS};

static void met_print(void)
{
    for (size_t i = 0; i < sizeof met_names / sizeof met_names[0]; i++)
        printf("met %s %lu\n", met_names[i], met_counts[i]);
}

static void met(unsigned event)
{
    static int once;
    if (!once++)
        (void)atexit(met_print);
    met_counts[event]++;
}

#endif
