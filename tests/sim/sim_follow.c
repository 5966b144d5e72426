/* SPDX-License-Identifier: MIT */
/*
 * A log: a writer appends to a file at random times and rotates it between two lines: in.1 to in.2,
 * in to in.1, and a new file, one rename after the other. It syncs what it writes.
 */
#include <stdio.h>
#include <string.h>

#include "tests/sim/sim_world.h"

#define ROTATIONS_MAX 4u
/* Longer than two ticks of the clock that times files. */
#define ROTATION_PAUSE_US 20000u

struct writer {
    const uint8_t *bytes; /* borrowed */
    size_t len;
    size_t rotates_at[ROTATIONS_MAX]; /* bytes after which it rotates, ascending */
    size_t rotation_count;

    size_t written;
    size_t rotated;   /* rotations so far */
    unsigned renames; /* files still to be renamed before the new one is made */
    bool rotating;
    uint64_t acts_us, pause_us_max;
    uint64_t born_us; /* when the file it writes to was made */
};

static struct writer writer, reference_writer;

void follow_plan(const uint8_t *bytes, size_t len)
{
    static const uint64_t pauses[] = {100, 5000, 300000, 3000000};
    writer = (struct writer){.bytes = bytes, .len = len, .acts_us = sim_report.now_us};
    writer.pause_us_max = pauses[chance_below(sizeof pauses / sizeof pauses[0])];
    size_t wanted = chance_below(ROTATIONS_MAX + 1);
    bool blank = true; /* all lines so far are */
    for (size_t i = 0; i < len && writer.rotation_count < wanted; i++) {
        blank = blank && strchr(" \t\r\n", bytes[i]) != NULL;
        if (bytes[i] == '\n' && !blank && chance_one_in(12))
            writer.rotates_at[writer.rotation_count++] = i + 1;
    }
}

static void name_of(unsigned number, char ret_name[24])
{
    if (number == 0)
        (void)snprintf(ret_name, 24, INPUT_NAME);
    else
        (void)snprintf(ret_name, 24, INPUT_NAME ".%u", number);
}

/* Does one step of a rotation. */
static void rotate(struct writer *w, struct disk *disk)
{
    char from[24], to[24];
    if (w->renames == 0) {
        (void)disk_make(disk, DISK_ROOT, INPUT_NAME, false);
        w->rotating = false;
        w->rotated++;
        TRACE("the log is rotated");
    } else {
        w->renames--;
        name_of(w->renames, from);
        name_of(w->renames + 1, to);
        disk_rename(disk, DISK_ROOT, from, to);
        TRACE("%s is renamed to %s", from, to);
    }
    disk_sync(disk, DISK_ROOT);
}

/* Appends at most so much; begins a rotation where one is planned. */
static void act(struct writer *w, struct disk *disk, size_t most)
{
    if (w->rotating) {
        rotate(w, disk);
        return;
    }
    bool rotates = w->rotated < w->rotation_count;
    size_t to = rotates ? w->rotates_at[w->rotated] : w->len;
    if (rotates && w->written == to) {
        w->rotating = true;
        w->renames = (unsigned)w->rotated + 1;
        return;
    }
    size_t len = to - w->written < most ? to - w->written : most;
    int node = disk_find(disk, DISK_ROOT, INPUT_NAME);
    disk_write(disk, node, disk_length(disk, node), w->bytes + w->written, len);
    disk_sync(disk, node);
    w->written += len;
}

static bool is_over(const struct writer *w)
{
    return w->written == w->len && !w->rotating && w->rotated == w->rotation_count;
}

bool follow_is_over(void)
{
    return is_over(&writer);
}

uint64_t follow_acts_at_us(void)
{
    /* Lines rotated away before a source began with the file are not its own. */
    bool waits =
        world.given == 0 && writer.rotation_count > 0 && writer.written == writer.rotates_at[0];
    return !world.by_follow || is_over(&writer) || waits ? UINT64_MAX : writer.acts_us;
}

void follow_step(void)
{
    if (sim_report.now_us < follow_acts_at_us())
        return;
    size_t most = 1 + chance_below(chance_one_in(3) ? 4000 : 200);
    size_t rotated = writer.rotated;
    bool waited = sim_report.now_us >= writer.born_us + ROTATION_PAUSE_US;
    act(&writer, world.disk, most);
    /* The last lines and the rotation may come between any two calls of the reader. */
    if (waited && world.given != 0 && rotated < writer.rotation_count && chance_one_in(3)) {
        while (writer.rotated == rotated)
            act(&writer, world.disk, SIZE_MAX);
    }
    if (writer.rotated != rotated)
        writer.born_us = sim_report.now_us;
    writer.acts_us = sim_report.now_us + chance_below(writer.pause_us_max) +
                     (writer.rotating && writer.renames > writer.rotated ? ROTATION_PAUSE_US : 0);
    TRACE("the log has %zu bytes in all", writer.written);
}

void follow_begin_reference(void)
{
    reference_writer = writer;
    reference_writer.written = reference_writer.rotated = 0;
    reference_writer.rotating = false;
}

bool follow_step_reference(struct disk *disk)
{
    if (is_over(&reference_writer))
        return false;
    do {
        act(&reference_writer, disk, SIZE_MAX);
        sim_report.now_us += ROTATION_PAUSE_US;
    } while (reference_writer.rotating);
    return true;
}
