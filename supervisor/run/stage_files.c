/* SPDX-License-Identifier: MIT */
/*
 * Every path is resolved first: links are followed, even those to files that do not exist yet, and
 * '.' and '..' are removed. Two paths are the same file if they are then equal, or lead to one
 * inode.
 */
#include "supervisor/run/stage_files.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/memory.h"
#include "common/path.h"
#include "supervisor/run/state_dir.h"
#include "topology/load.h"

/* As many links as the kernel follows. */
#define LINKS_MAX 40u

struct path_use {
    const struct stage_options *stage;
    const struct option_value *option;
    char *whole;
    bool there;
    struct stat st;
};

struct files {
    struct path_use *items;
    size_t count;
    const struct stage_options *at; /* the stage whose paths are being added */
    const char *topology_file;
    char *topology_whole;
    char *state_whole;
    stage_files_tell *tell;
    void *context;
    size_t told;
};

/* The target of a link, seen from where the link is; NULL if it is none. The caller frees it. */
static char *follow_link(const char *path)
{
    char target[PATH_MAX];
    ssize_t len = readlink(path, target, sizeof target - 1);
    if (len <= 0)
        return NULL;
    target[len] = '\0';
    if (target[0] == '/')
        return memory_dup(target, (size_t)len);
    char *parent = path_directory(path);
    char *next = memory_format("%s/%s", parent, target);
    free(parent);
    return next;
}

/*
 * Resolves the path of a file that need not exist. The caller frees it. The current directory may
 * not exist either. A path that is too long for the kernel is not resolved, because it is not a
 * file.
 */
static char *whole_path(const char *path, unsigned links)
{
    char *whole = realpath(path, NULL);
    if (whole != NULL)
        return whole;
    if (strcmp(path, ".") == 0 || strlen(path) >= PATH_MAX)
        return memory_dup(path, strlen(path));
    char *next = links < LINKS_MAX ? follow_link(path) : NULL;
    const char *slash = strrchr(path, '/');
    if (next != NULL) {
        whole = whole_path(next, links + 1);
    } else if (slash == path || links == LINKS_MAX) {
        whole = memory_dup(path, strlen(path));
    } else {
        const char *name = slash != NULL ? slash + 1 : path;
        next = path_directory(path);
        char *parent = whole_path(next, links);
        if (*name == '\0' || strcmp(name, ".") == 0)
            whole = memory_dup(parent, strlen(parent));
        else if (strcmp(name, "..") == 0)
            whole = path_directory(parent);
        else
            whole = memory_format("%s/%s", strcmp(parent, "/") == 0 ? "" : parent, name);
        free(parent);
    }
    free(next);
    return whole;
}

static void add_use(void *context, const struct option_value *option)
{
    struct files *f = context;
    f->items = memory_resize(f->items, f->count + 1, sizeof *f->items);
    struct path_use *use = &f->items[f->count++];
    *use =
        (struct path_use){.stage = f->at, .option = option, .whole = whole_path(option->text, 0)};
    use->there = stat(option->text, &use->st) == 0;
}

static void find_uses(struct files *f, const struct topology_draft *draft)
{
    for (size_t i = 0; i < draft->stage_count; i++) {
        f->at = &draft->stages[i];
        options_each_path(f->at->options, add_use, f);
    }
}

static bool same_file(const struct path_use *a, const char *whole, bool there,
                      const struct stat *st)
{
    if (strcmp(a->whole, whole) == 0)
        return true;
    return a->there && there && a->st.st_dev == st->st_dev && a->st.st_ino == st->st_ino;
}

static bool is_below(const char *whole, const char *directory)
{
    size_t len = strlen(directory);
    return strncmp(whole, directory, len) == 0 && (whole[len] == '/' || whole[len] == '\0');
}

/* Whether a path is the file of the dead letters under another name. */
static bool is_dead_letters(const struct files *f, const struct path_use *use)
{
    struct stat st;
    char *path = memory_format("%s/" DEAD_LETTERS_FILE, f->state_whole);
    bool same = use->there && stat(path, &st) == 0 && st.st_dev == use->st.st_dev &&
                st.st_ino == use->st.st_ino;
    free(path);
    return same;
}

/* Adds the variables that a path comes from, if there are any. */
static void add_variables(const struct path_use *use, struct buf *out)
{
    if (use->option->variables != NULL)
        buf_add_format(out, " (from the variable %s)", use->option->variables);
}

/* Reports a path that is used twice. whose: a name, or NULL; other: the other path, or NULL. */
static void tell(struct files *f, const struct path_use *use, const char *what, const char *whose,
                 const struct path_use *other)
{
    struct buf message = {0};
    buf_add_format(&message, "'%s'", use->option->text);
    add_variables(use, &message);
    buf_add_format(&message, " is also %s", what);
    if (whose != NULL)
        buf_add_format(&message, " '%s'", whose);
    if (other != NULL)
        add_variables(other, &message);
    f->tell(f->context, use->stage->name, use->option->place, buf_text(&message));
    f->told++;
    buf_done(&message);
}

static void check_output(struct files *f, const struct path_use *output)
{
    struct stat topology;
    bool there = f->topology_file != NULL && stat(f->topology_file, &topology) == 0;
    if (f->topology_whole != NULL && same_file(output, f->topology_whole, there, &topology))
        tell(f, output, "the topology itself", NULL, NULL);
    if (f->state_whole != NULL &&
        (is_below(output->whole, f->state_whole) || is_dead_letters(f, output)))
        tell(f, output, "a file of the state directory", f->state_whole, NULL);
    for (size_t i = 0; i < f->count; i++) {
        const struct path_use *other = &f->items[i];
        bool is_output = other->option->spec->tag == OPTION_PATH_OUT;
        /* Of two outputs, the second one is reported. */
        if (other == output || (is_output && other > output) ||
            !same_file(output, other->whole, other->there, &other->st))
            continue;
        tell(f, output, is_output ? "the output of stage" : "the input of stage",
             other->stage->name, other);
    }
}

size_t stage_files_check(const struct topology_draft *draft, const char *topology_file,
                         const char *state_path, stage_files_tell *teller, void *context)
{
    struct files f = {.topology_file = topology_file, .tell = teller, .context = context};
    char *root = state_path == NULL ? state_dir_root() : NULL;
    char *state = state_path != NULL ? memory_dup(state_path, strlen(state_path))
                  : root != NULL && *draft->name != '\0' ? memory_format("%s/%s", root, draft->name)
                                                         : NULL;
    f.state_whole = state != NULL ? whole_path(state, 0) : NULL;
    f.topology_whole = topology_file != NULL ? whole_path(topology_file, 0) : NULL;
    find_uses(&f, draft);
    for (size_t i = 0; i < f.count; i++) {
        if (f.items[i].option->spec->tag == OPTION_PATH_OUT)
            check_output(&f, &f.items[i]);
    }
    for (size_t i = 0; i < f.count; i++)
        free(f.items[i].whole);
    free(f.items);
    free(f.state_whole);
    free(f.topology_whole);
    free(state);
    free(root);
    return f.told;
}
