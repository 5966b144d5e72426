/* SPDX-License-Identifier: MIT */
/*
 * sim_coroutine.h - a function that can be left in the middle and entered again, or never
 */
#ifndef BULKHEAD_TESTS_SIM_COROUTINE_H
#define BULKHEAD_TESTS_SIM_COROUTINE_H

struct coroutine;

/* Prepares body(argument) on its own stack. Instead of returning, body must leave for good. */
struct coroutine *coroutine_new(void (*body)(void *argument), void *argument);

/* Runs it until it leaves. To be called from outside all coroutines. */
void coroutine_enter(struct coroutine *c);

/* Returns to where the present coroutine was entered. */
void coroutine_leave(void);

/* Drops a coroutine wherever it is. Its stack is reused. Accepts NULL. */
void coroutine_free(struct coroutine *c);

#endif
