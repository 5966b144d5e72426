/* SPDX-License-Identifier: MIT */
/*
 * ucontext makes the stacks. setjmp switches between them, because it needs no system call; under
 * AddressSanitizer, which must be told of every switch, ucontext does.
 */
#undef _FORTIFY_SOURCE /* its longjmp() mistakes a jump to another stack for an attack */
#include "tests/sim/sim_coroutine.h"

#include <setjmp.h>
#include <stdint.h>
#include <ucontext.h>

#include "common/check.h"
#include "tests/sim/sim_base.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#if SANITIZED
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define STACK_BYTES ((size_t)1 << 20)
#else
#define STACK_BYTES ((size_t)256 << 10)
#endif

struct coroutine {
    void (*body)(void *argument);
    void *argument;
    uint8_t *stack;
    bool begun;
    ucontext_t context;
    jmp_buf at;
    struct coroutine *next_spare;
};

static struct coroutine *spares;
static struct coroutine *running;
#if SANITIZED
static ucontext_t outside_context;
static const void *outside_stack;
static size_t outside_stack_bytes;
#else
static jmp_buf outside_at;
#endif

static void main_of_coroutine(void)
{
#if SANITIZED
    __sanitizer_finish_switch_fiber(NULL, &outside_stack, &outside_stack_bytes);
#endif
    running->body(running->argument);
    UNREACHABLE();
}

/* A function of its own, because getcontext() might return twice. */
static void make_context(struct coroutine *c)
{
    INVARIANT(getcontext(&c->context) == 0);
    c->context.uc_stack.ss_sp = c->stack;
    c->context.uc_stack.ss_size = STACK_BYTES;
    c->context.uc_link = NULL;
    makecontext(&c->context, main_of_coroutine, 0);
}

struct coroutine *coroutine_new(void (*body)(void *argument), void *argument)
{
    struct coroutine *c = spares;
    if (c != NULL) {
        spares = c->next_spare;
    } else {
        c = sim_new(1, sizeof *c);
        c->stack = sim_new(STACK_BYTES, 1);
    }
    c->body = body;
    c->argument = argument;
    c->begun = false;
    make_context(c);
    return c;
}

#if SANITIZED
void coroutine_enter(struct coroutine *c)
{
    void *fake_stack = NULL;
    running = c;
    __sanitizer_start_switch_fiber(&fake_stack, c->stack, STACK_BYTES);
    (void)swapcontext(&outside_context, &c->context);
    __sanitizer_finish_switch_fiber(fake_stack, NULL, NULL);
    running = NULL;
}

void coroutine_leave(void)
{
    void *fake_stack = NULL;
    __sanitizer_start_switch_fiber(&fake_stack, outside_stack, outside_stack_bytes);
    (void)swapcontext(&running->context, &outside_context);
    __sanitizer_finish_switch_fiber(fake_stack, &outside_stack, &outside_stack_bytes);
}
#else
void coroutine_enter(struct coroutine *c)
{
    running = c;
    if (_setjmp(outside_at) == 0) {
        if (c->begun)
            _longjmp(c->at, 1);
        c->begun = true;
        (void)setcontext(&c->context);
    }
    running = NULL;
}

void coroutine_leave(void)
{
    if (_setjmp(running->at) == 0)
        _longjmp(outside_at, 1);
}
#endif

void coroutine_free(struct coroutine *c)
{
    if (c == NULL)
        return;
#if SANITIZED
    ASAN_UNPOISON_MEMORY_REGION(c->stack, STACK_BYTES);
#endif
    c->next_spare = spares;
    spares = c;
}
