/* SPDX-License-Identifier: MIT */
/*
 * file.source with a path that other programs move from one file to the next, between any two
 * system calls that it makes. Every line comes once, in order, with the seq that it had before.
 *
 * The next file may be created long before, and have lines before the link points to it; or the
 * link may point to it before its writer comes. The link may be a symbolic one or another name of
 * the file, replaced at once or absent for a moment, and pointed back for a while. STORIES=N sets
 * the number of stories.
 */
#undef _FORTIFY_SOURCE /* its inline pread() would be in the way of ours */
#include "tests/unit/cases.h"
#include "tests/unit/stages/kinds/follow_story.h"

#define FILES_MAX 9u

enum led_naming { DATES, MOMENTS, NUMBERS, DAYS_FIRST, LED_NAMINGS };

struct led {
    enum led_naming naming;
    bool is_hard, is_bare; /* another name, which is removed before it is made again */
    bool goes_back;
    unsigned made, writing, leads; /* how many there are, and which */
    bool is_away, is_back;
    unsigned packed;               /* this many of the oldest files are compressed */
    unsigned last_line[FILES_MAX]; /* of each that its writer has left */
};

static struct led led;

static const char *name_led(unsigned index)
{
    static char name[48];
    unsigned day = 26 + index;
    unsigned in_month = day > 28 ? day - 28 : day, month = day > 28 ? 3 : 2;
    if (led.naming == DATES)
        (void)snprintf(name, sizeof name, "a-2026%02u%02u.log", month, in_month);
    else if (led.naming == MOMENTS)
        (void)snprintf(name, sizeof name, "a.log.20260301-%02u1010.%u", 10 + index,
                       (index * 7919 + 13) % 997);
    else if (led.naming == NUMBERS)
        (void)snprintf(name, sizeof name, "a.%u.log", 7 + index);
    else
        (void)snprintf(name, sizeof name, "a-%02u-%02u-2026.log", in_month, month);
    return name;
}

static void path_led(const struct world *w, unsigned index, const char *ending,
                     char path[NAME_MAX_BYTES])
{
    (void)snprintf(path, NAME_MAX_BYTES, "%s/%s%s", w->directory, name_led(index), ending);
}

static void write_to(struct world *w, unsigned index)
{
    char path[NAME_MAX_BYTES];
    path_led(w, index, "", path);
    assert_true(strlen(path) < sizeof w->real);
    memcpy(w->real, path, strlen(path) + 1);
    write_text(w, "");
}

static void link_to(struct world *w, unsigned index, const char *name)
{
    char target[NAME_MAX_BYTES];
    path_led(w, index, "", target);
    int fd = open(target, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    if (led.is_hard)
        assert_int_equal(link(target, name), 0);
    else
        assert_int_equal(symlink(name_led(index), name), 0);
    if (led.is_hard)
        note_times(w, fd, false, false);
    (void)close(fd);
}

static void lead(struct world *w, unsigned index)
{
    char new[NAME_MAX_BYTES];
    name_with(w, ".new", new);
    if (led.is_away) {
        link_to(w, index, w->path);
    } else {
        link_to(w, index, new);
        assert_int_equal(rename(new, w->path), 0);
    }
    led.is_away = false;
}

static void make_led(struct world *w)
{
    char path[NAME_MAX_BYTES];
    path_led(w, led.made++, "", path);
    (void)close(open_to_write(w, path));
}

static void move_writer(struct world *w)
{
    (void)close(w->fd);
    w->fd = -1;
    led.last_line[led.writing++] = w->lines;
    write_to(w, led.writing);
}

/* Compresses what was acked, and removes it. */
static void pack_led(struct world *w)
{
    char path[NAME_MAX_BYTES], packed[NAME_MAX_BYTES];
    unsigned i = led.packed;
    if (i >= led.leads || i >= led.writing || led.last_line[i] >= w->acked || led.is_back)
        return;
    path_led(w, i, "", path);
    path_led(w, i, ".gz", packed);
    int from = open(path, O_RDONLY | O_CLOEXEC), to = open_to_write(w, packed);
    assert_true(from >= 0);
    assert_int_equal(write(to, "z", 1), 1);
    if (w->keeps_times)
        times_of(w, inode_of(to))->written_ns = times_of(w, inode_of(from))->written_ns;
    (void)close(from);
    (void)close(to);
    remove_name(w, path);
    led.packed++;
}

static void step_led(struct world *w)
{
    w->now_ns += 1000 + random_below(w->step_ns);
    unsigned what = (unsigned)random_below(16);
    bool ahead = led.leads < led.made - 1;
    if (led.is_away && what < 8) {
        lead(w, led.leads);
    } else if (led.is_back && what < 8) {
        lead(w, led.leads);
        led.is_back = false;
    } else if (led.is_away || led.is_back) {
        return;
    } else if (what == 0 && led.made < FILES_MAX) {
        make_led(w);
    } else if (what == 1 && led.writing < led.made - 1 && !w->half && w->lines > 0) {
        move_writer(w);
    } else if (what == 2 && ahead && led.leads <= led.writing + 1) {
        led.leads++;
        led.is_away = led.is_bare;
        if (led.is_away)
            assert_int_equal(unlink(w->path), 0);
        else
            lead(w, led.leads);
    } else if (what == 3 && led.goes_back && led.leads > led.packed) {
        lead(w, led.leads - 1);
        led.is_back = true;
    } else if (what == 4) {
        pack_led(w);
    } else {
        write_lines(w);
    }
}

static void settle_led(struct world *w)
{
    w->turns = false;
    if (w->refused)
        return;
    while (w->half || w->lines < w->wanted)
        write_lines(w);
    led.leads = led.writing > led.leads ? led.writing : led.leads;
    lead(w, led.leads);
    for (unsigned without = 0; without < 6 && !w->refused; seconds_ahead += without > 0 ? 1 : 0) {
        without = read_one(w) ? 0 : without + 1;
        commit(w, position(w));
    }
    if (!w->refused && w->seen != w->wanted)
        fail_msg("%u lines of %u, naming %u", (unsigned)w->seen, w->wanted, led.naming);
}

static void begin_led(struct world *w)
{
    begin(w);
    at(w, "a.log");
    remove_file(w, "");
    (void)close(w->fd);
    w->fd = -1;
    led = (struct led){.naming = (enum led_naming)random_below(LED_NAMINGS),
                       .is_hard = random_below(3) == 0,
                       .is_bare = random_below(2) == 0,
                       .goes_back = random_below(4) == 0,
                       .made = 1};
    w->copied = true; /* so nothing is truncated */
    w->tick_ns = random_below(3) == 0 ? 4000000 : 1;
    w->keeps_times = random_below(2) == 0;
    w->may_stop = led.naming == DAYS_FIRST;
    w->may_go_back = led.goes_back;
    w->step = step_led;
    write_to(w, 0);
    lead(w, 0);
    if (random_below(2) == 0)
        make_led(w);
}

/* Plays a story to its end; whether all was read. */
static bool play(struct world *w)
{
    open_source(w);
    w->turns = true;
    for (unsigned n = 0; n < 2 * LINES_MAX && w->seen < w->wanted && !w->refused; n++)
        go_on(w);
    settle_led(w);
    if (w->source != NULL)
        ops(w)->close(w->source);
    if (w->fd >= 0)
        (void)close(w->fd);
    finish(w);
    return !w->refused;
}

static void every_line_comes_once(void **state)
{
    (void)state;
    const char *stories = getenv("STORIES");
    uint64_t count = stories != NULL ? strtoull(stories, NULL, 0) : 300, refused = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct world w;
        begin_led(&w);
        refused += play(&w) ? 0 : 1;
    }
    print_message("%u of %u refused\n", (unsigned)refused, (unsigned)count);
    assert_true(refused <= count / 4);
}

int main(int argc, char **argv)
{
    random_init("file_source_follow_led_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_comes_once),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
