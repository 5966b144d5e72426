/* SPDX-License-Identifier: MIT */
/*
 * What must hold after a round: the bytes are the same, and nothing was left behind.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/memory.h"
#include "ipc/control.h"
#include "stages/host/layout.h"
#include "stages/host/quarantine.h"
#include "supervisor/chaos/chaos_compare.h"
#include "supervisor/chaos/chaos_run.h"

/* Whether a stage writes msgpack records. */
static bool writes_packed(const struct stage *stage)
{
    return option_find(stage->kind->options, "records") != NULL &&
           strcmp(options_get(stage->options, "records")->text, "msgpack") == 0;
}

static bool compare(struct chaos_run *run, char *expected, char *actual, bool packed)
{
    uint64_t bytes = 0;
    struct err e;
    int rc = chaos_compare(expected, actual, packed, &bytes, &run->report->reason, &e);
    if (rc == ERR_IO)
        buf_add_format(&run->report->reason, "%s\n", e.text);
    if (rc == 0) {
        run->report->outputs_compared++;
        run->report->bytes_compared += bytes;
    }
    free(expected);
    free(actual);
    return rc == 0;
}

/*
 * Whether a directory is empty. With `outputs`, it may hold the outputs of stages. Adds every other
 * name to the report.
 */
static bool holds_nothing(struct chaos_run *run, const char *name, const char *part, bool outputs)
{
    char *path = chaos_run_path(run, name, part);
    DIR *dir = opendir(path);
    bool good = dir != NULL;
    if (dir == NULL)
        buf_add_format(&run->report->reason, "cannot list '%s': %s\n", path, strerror(errno));
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        const struct stage *stage =
            outputs ? topology_find_stage(run->topology, entry->d_name) : NULL;
        if (stage != NULL && kind_output_option(stage->kind) != NULL)
            continue;
        buf_add_format(&run->report->reason, "'%s/%s' was left behind\n", path, entry->d_name);
        good = false;
    }
    if (dir != NULL)
        (void)closedir(dir);
    free(path);
    return good;
}

static bool is_absent(struct chaos_run *run, char *path, const char *why)
{
    struct stat st;
    bool absent = lstat(path, &st) != 0 && errno == ENOENT;
    if (!absent)
        buf_add_format(&run->report->reason, "'%s' exists: %s\n", path, why);
    free(path);
    return absent;
}

bool chaos_run_check(struct chaos_run *run)
{
    bool good = true;
    for (size_t i = 0; i < run->topology->stage_count; i++) {
        const struct stage *stage = &run->topology->stages[i];
        if (kind_output_option(stage->kind) != NULL)
            good &= compare(run, chaos_run_path(run, "expected", stage->name),
                            chaos_run_path(run, "outputs", stage->name), writes_packed(stage));
        char path[LAYOUT_PATH_BYTES_MAX];
        good &= is_absent(
            run,
            memory_format("%s/state/%s/" QUARANTINE_FILE, run->scratch, layout_path(stage, path)),
            "a record was quarantined for kills that came from outside");
    }
    good &= compare(run, chaos_run_path(run, "inline", DEAD_LETTERS_FILE),
                    chaos_run_path(run, "state", DEAD_LETTERS_FILE), false);
    good &= is_absent(run, chaos_run_path(run, "state", CONTROL_SOCKET_FILE),
                      "the control socket was left behind");
    good &= holds_nothing(run, "state", "links", false);
    good &= holds_nothing(run, "outputs", NULL, true);
    return good;
}
