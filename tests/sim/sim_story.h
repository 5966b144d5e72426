/* SPDX-License-Identifier: MIT */
/*
 * sim_story.h - one seed: a topology, an input, what goes wrong, and how it must end
 */
#ifndef BULKHEAD_TESTS_SIM_STORY_H
#define BULKHEAD_TESTS_SIM_STORY_H

#include <stddef.h>
#include <stdint.h>

/* name, option, what goes wrong */
#define PROFILE_LIST(X)                                                                            \
    X(PROFILE_KILLS, "kills", "processes are killed, stopped, asked to stop")                      \
    X(PROFILE_POWER, "power", "the power fails")                                                   \
    X(PROFILE_NETWORK, "network", "links break and carry garbage")                                 \
    X(PROFILE_DISK, "disk", "the disk is slow, full, or fails")                                    \
    X(PROFILE_ALL, "all", "all of it")

enum profile {
#define X(name, text, meaning) name,
    PROFILE_LIST(X)
#undef X
        PROFILES
};

const char *profile_name(enum profile profile);

/* What the seeds so far have come across. */
struct story_totals {
    uint64_t seeds, steps, kills, lives, power_losses, faults, checks;
};

/* Loads the topologies. To be called once, before anything else. */
void story_init(void);
void story_done(void);

/* Plays one seed to its end. Calls fail() if anything is wrong. */
void story_play(uint64_t seed, enum profile profile, struct story_totals *totals);

/* The profile of a seed if none was asked for. */
enum profile story_profile(uint64_t seed);

#endif
