/* SPDX-License-Identifier: MIT */
/*
 * Takes lines for the name of a log, what it leads to, how the file that was read is named now, and
 * the names beside it. Of two names, which is younger is the opposite of the other way around; a
 * plain name is a beginning of the whole; and numbers are those that stand there.
 */
#include "stages/kit/rotation_name.h"
#include "tests/fuzz/fuzz.h"

#define NAMES_MAX 8u

static void check_pair(const char *a, const char *b, int direction)
{
    size_t a_len = strlen(a), b_len = strlen(b);
    int order = rotation_name_order(a, a_len, b, b_len, direction);
    ALWAYS(order >= -1 && order <= 1);
    ALWAYS(order == -rotation_name_order(b, b_len, a, a_len, direction));
    ALWAYS(strcmp(a, b) != 0 || order == 0);
    ALWAYS(rotation_name_is_peer(a, a_len, b, b_len) == rotation_name_is_peer(b, b_len, a, a_len));
    ALWAYS(strcmp(a, b) != 0 || !rotation_name_is_peer(a, a_len, b, b_len));
    uint64_t first = 0, second = 0, other_first = 0, other_second = 0;
    bool numbers = rotation_name_numbers(a, a_len, b, b_len, &first, &second);
    ALWAYS(numbers == rotation_name_numbers(b, b_len, a, a_len, &other_second, &other_first));
    if (!numbers)
        return;
    ALWAYS(first == other_first && second == other_second && first != second);
    ALWAYS(order == (first > second ? direction : -direction));
    ALWAYS(rotation_name_is_peer(a, a_len, b, b_len));
}

static void check_name(const struct rotation_family *f, const char *name)
{
    size_t len = strlen(name), plain = rotation_name_plain_len(f, name);
    ALWAYS(plain <= len);
    if (plain != 0 && plain != len) {
        const char *ending = name + plain;
        ALWAYS(ending[0] == '.' && ((ending[1] | 0x20) >= 'a' && (ending[1] | 0x20) <= 'z'));
    }
    uint64_t number = 0;
    bool has_number = rotation_name_number(f->base, name, len, &number);
    if (has_number) {
        const char *digits = name + strlen(f->base) + 1;
        ALWAYS(strncmp(name, f->base, strlen(f->base)) == 0 && digits[-1] == '.');
        ALWAYS(strspn(digits, "0123456789") == strlen(digits));
        ALWAYS(strtoull(digits, NULL, 10) == number);
    }
    (void)rotation_name_may_be_other(f->base, name, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, data + size};
    uint8_t what = fuzz_byte(&in);
    char *base = fuzz_line(&in), *target = fuzz_line(&in), *ours = fuzz_line(&in);
    char *names[NAMES_MAX];
    size_t count = 0;
    for (; count < NAMES_MAX && fuzz_left(&in) != 0; count++)
        names[count] = fuzz_line(&in);
    /* No file has an empty name. */
    const struct rotation_family family = {.base = base,
                                           .target =
                                               what % 2 != 0 && *target != '\0' ? target : NULL,
                                           .ours = what % 4 > 1 && *ours != '\0' ? ours : NULL};
    for (size_t i = 0; *base != '\0' && i < count; i++) {
        if (*names[i] == '\0')
            continue;
        check_name(&family, names[i]);
        for (size_t k = 0; k < count; k++) {
            for (int direction = -1; direction <= 1; direction++)
                check_pair(names[i], names[k], direction);
        }
    }
    while (count > 0)
        free(names[--count]);
    free(base);
    free(target);
    free(ours);
    return 0;
}
