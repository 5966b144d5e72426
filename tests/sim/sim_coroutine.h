/* SPDX-License-Identifier: MIT */
/*
 * sim_coroutine.h - a function that can be left in the middle and entered again, or never
 */
#ifndef BULKHEAD_TESTS_SIM_COROUTINE_H
#define BULKHEAD_TESTS_SIM_COROUTINE_H

struct coroutine;

/* Prepares body(argument) on a stack of its own. body must leave for ever instead of returning. */
struct coroutine *coroutine_new(void (*body)(void *argument), void *argument);

/* Runs it until it leaves. Call it from outside of all coroutines. */
void coroutine_enter(struct coroutine *c);

/* Goes back to where the present coroutine was entered. */
void coroutine_leave(void);

/* Drops it wherever it stands; its stack is used again. Takes NULL. */
void coroutine_free(struct coroutine *c);

#endif
