/* SPDX-License-Identifier: MIT */
/*
 * Takes lines for two schemas of a state, and for what earlier changes left of it. What a kind says of
 * the change is fit to be printed, never nothing, and what it leaves can be read by the next change.
 */
#include "common/text.h"
#include "stages/kinds/kinds.h"
#include "stages/store/store_spec.h"
#include "tests/fuzz/fuzz.h"

static void look_at(const struct kind *kind, const char *was, const char *is, const char *left)
{
    struct state_change change = {.verdict = STATE_GOES_ON}, again = {.verdict = STATE_GOES_ON};
    kind->change_state(was, is, left, &change);
    ALWAYS(change.verdict == STATE_CONVERTED || change.verdict == STATE_LOST);
    ALWAYS(change.says.len != 0 && text_not_plain(buf_text(&change.says)) == NULL);
    ALWAYS(change.verdict == STATE_CONVERTED || change.left.len == 0);
    ALWAYS(change.shift_ns == 0 || !change.forgets_expiry);
    /* If the way there is not lost, what is left of it may prevent the way back, and nothing more. */
    if (change.verdict == STATE_CONVERTED) {
        kind->change_state(is, was, buf_text(&change.left), &again);
        ALWAYS(strncmp(buf_text(&again.says), "what an earlier change", 22) != 0);
        ALWAYS(again.verdict == STATE_LOST || again.shift_ns == -change.shift_ns);
    }
    state_change_done(&change);
    state_change_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, data + size};
    char *was = fuzz_line(&in), *is = fuzz_line(&in), *left = fuzz_line(&in);
    for (kind_registry k = bulkhead_kinds; k->kind != NULL; k++) {
        if (k->kind->change_state != NULL && strcmp(was, is) != 0)
            look_at(k->kind, was, is, left);
    }
    struct store_spec spec;
    store_spec_set_schema(&spec, was);
    ALWAYS(strcmp(spec.schema, was) == 0 || store_spec_is_shortened(spec.schema));
    free(was);
    free(is);
    free(left);
    return 0;
}
