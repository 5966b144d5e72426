/* SPDX-License-Identifier: MIT */
#include "stages/kit/rotation_age.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "stages/kit/rotation_content.h"

#define NS_PER_S 1000000000u

bool rotation_times_were_set(const struct file_look *look)
{
    return look->id.birth_ns != 0 && look->written_ns < look->id.birth_ns;
}

/* Whether its birth tells when it was begun. */
static bool has_birth(const struct file_look *look)
{
    return look->id.birth_ns != 0 && !rotation_times_were_set(look);
}

int rotation_time_order(uint64_t a, uint64_t b)
{
    if (a % NS_PER_S == 0 || b % NS_PER_S == 0) {
        a /= NS_PER_S;
        b /= NS_PER_S;
    }
    return a > b ? 1 : a < b ? -1 : 0;
}

int rotation_order_with_past(const struct file_past *past, const struct file_look *look)
{
    if (!rotation_times_were_set(look))
        return 1;
    if (look->id.birth_ns == past->since_ns)
        return look->id.inode == past->left_inode ? 1 : 0;
    return rotation_time_order(look->written_ns, past->since_ns);
}

bool rotation_is_compressed(const struct rotation_entry *entry)
{
    return entry->plain_len < strlen(entry->base);
}

bool rotation_is_known(const struct rotation_ages *ages, const struct rotation_entry *entry)
{
    const struct file_identity *id = &entry->look.id;
    const struct file_identity *path = &ages->list->path.id, *ours = &ages->ours.id;
    return (id->device == ours->device && id->inode == ours->inode) ||
           (ages->list->there && id->device == path->device && id->inode == path->inode);
}

static enum age age_by_order(int order)
{
    return order > 0 ? AGE_LATER : order < 0 ? AGE_OLDER : AGE_UNKNOWN;
}

static enum age age_by_times(const struct rotation_ages *ages, const struct file_look *look)
{
    const struct file_look *ours = &ages->ours;
    const struct file_past *past = &ages->view->at->past;
    uint64_t born_ns = look->id.birth_ns, since_ns = past->since_ns;
    /* The number of an inode is given again, but not with a birth that is as old. */
    bool is_left = born_ns != 0 && born_ns <= since_ns && look->id.inode == past->left_inode &&
                   look->id.device == ours->id.device;
    if (born_ns != 0 && born_ns < since_ns)
        return AGE_OLDER; /* and what it was made of is older still */
    if (has_birth(look) && since_ns != 0) {
        if (born_ns != since_ns)
            return AGE_LATER;
        /* It was there when ours was at the path; or it was born right after what was. */
        if (ours->id.birth_ns != since_ns)
            return is_left ? AGE_OLDER : AGE_UNKNOWN;
    } else if (since_ns != 0 && born_ns != 0 &&
               rotation_time_order(look->written_ns, since_ns) < 0) {
        return AGE_OLDER; /* in the same moment, or second, it may have come right after ours */
    }
    /*
     * The writer was done with what is older when it began with ours. If that has nothing in it, or
     * is a copy with times of its own, nobody knows when that was.
     */
    bool is_copy = has_birth(ours) && since_ns != 0 && ours->id.birth_ns > since_ns;
    int order = rotation_time_order(look->written_ns, is_copy ? since_ns : ours->written_ns);
    if (order == 0 && is_left)
        return AGE_OLDER;
    /* Who has not reopened its log yet writes to what was there before, too. */
    bool was_there =
        born_ns != 0 &&
        (is_left || (born_ns == since_ns && rotation_past_has(past, &look->id) == PASSED));
    return order > 0 && (is_copy || was_there || ours->size == 0) ? AGE_UNKNOWN
                                                                  : age_by_order(order);
}

/* When the file at the path was born, if that was after what came before it; UINT64_MAX: no. */
static uint64_t birth_of_last(const struct rotation_ages *ages)
{
    const struct file_past *past = &ages->view->at->past;
    const struct file_identity *path = &ages->list->path.id;
    /* In the tick of ours it may have been begun, too. */
    bool is_last = path->birth_ns > past->since_ns ||
                   (path->birth_ns == past->since_ns && path->birth_ns != 0 &&
                    !file_look_is(&ages->ours, path));
    return ages->list->there && !past->copied && is_last ? path->birth_ns : UINT64_MAX;
}

bool rotation_is_late_copy(const struct rotation_ages *ages, const struct file_look *look)
{
    return has_birth(look) && look->id.birth_ns > birth_of_last(ages);
}

bool rotation_is_born_with_path(const struct rotation_ages *ages, const struct file_look *look)
{
    return has_birth(look) && look->id.birth_ns == birth_of_last(ages);
}

/* The direction of the numbers of which the link at the path leads from one to the next; 0. */
static int direction_to_target(const struct rotation_list *list)
{
    const char *target = list->family.target;
    const struct rotation_entry *ours = list->ours;
    uint64_t number, our_number;
    if (target == NULL || ours == NULL ||
        !rotation_name_numbers(target, strlen(target), ours->base, strlen(ours->base), &number,
                               &our_number))
        return 0;
    return number > our_number ? 1 : -1;
}

/*
 * Which of an entry and what a link at the path leads to came later, as their names tell: 1 (the
 * entry), -1, 0. That one has more numbers than the other says nothing here: it may have been
 * renamed, or be a copy. Of numbers, those of ours and of what came after it tell the direction.
 */
static int order_to_target(const struct rotation_list *list, const struct rotation_entry *entry)
{
    const char *target = list->family.target;
    size_t len = strlen(target);
    return rotation_name_is_peer(entry->base, entry->plain_len, target, len)
               ? rotation_name_order(entry->base, entry->plain_len, target, len,
                                     direction_to_target(list))
               : 0;
}

bool rotation_may_be_after_path(const struct rotation_list *list,
                                const struct rotation_entry *entry)
{
    const struct file_look *look = &entry->look;
    const char *target = list->family.target;
    return list->there && target != NULL && !rotation_is_compressed(entry) &&
           look->id.inode != list->path.id.inode && !rotation_times_were_set(look) &&
           look->id.birth_ns >= list->path.id.birth_ns &&
           rotation_name_is_peer(entry->base, entry->plain_len, target, strlen(target)) &&
           order_to_target(list, entry) >= 0;
}

bool rotation_is_after_path(const struct rotation_list *list, const struct rotation_entry *entry)
{
    return rotation_may_be_after_path(list, entry) && order_to_target(list, entry) > 0;
}

uint64_t rotation_first_after_path(const struct rotation_list *list)
{
    uint64_t first_ns = UINT64_MAX;
    for (size_t i = 0; i < list->count; i++) {
        uint64_t born_ns = list->entries[i].look.id.birth_ns;
        if (born_ns < first_ns && rotation_may_be_after_path(list, &list->entries[i]))
            first_ns = born_ns;
    }
    return first_ns;
}

/* --- names --- */

/* Our name without an ending that it may have. */
static size_t ours_len(const struct rotation_ages *ages)
{
    const struct rotation_entry *ours = ages->list->ours;
    return ours->plain_len != 0 ? ours->plain_len : strlen(ours->base);
}

static enum age age_by_names(const struct rotation_ages *ages, const struct rotation_entry *entry)
{
    const struct rotation_entry *ours = ages->list->ours;
    return ours == NULL
               ? AGE_UNKNOWN
               : age_by_order(rotation_name_order(entry->base, entry->plain_len, ours->base,
                                                  ours_len(ages), ages->direction));
}

/* Whether its times are those of a copy that was made of it, and say nothing of when it was
 * written. */
static bool is_undated(const struct rotation_ages *ages, const struct rotation_entry *entry)
{
    return rotation_is_compressed(entry) ? !rotation_times_were_set(&entry->look)
                                         : rotation_is_late_copy(ages, &entry->look);
}

const struct rotation_entry *rotation_plain_of(const struct rotation_ages *ages,
                                               const struct rotation_entry *entry)
{
    size_t len = (size_t)(entry->base - entry->name) + entry->plain_len;
    for (size_t i = 0; rotation_is_compressed(entry) && i < ages->list->count; i++) {
        const char *name = ages->list->entries[i].name;
        if (strlen(name) == len && memcmp(name, entry->name, len) == 0)
            return &ages->list->entries[i];
    }
    return NULL;
}

/* When an entry came, if that is certain without its name. What was made earlier was written so. */
static enum age certain_age(const struct rotation_ages *ages, const struct rotation_entry *entry)
{
    enum age age = age_by_times(ages, &entry->look);
    uint64_t since_ns = ages->view->at->past.since_ns, born_ns = entry->look.id.birth_ns;
    bool was_written = entry->look.size > 0 || (has_birth(&entry->look) && born_ns != since_ns);
    /*
     * It was there when ours was at the path. Or it was made in the moment in which ours was begun:
     * then it is older if ours was written after that, as what comes later was not there yet.
     */
    if (rotation_is_compressed(entry) && since_ns != 0 && born_ns == since_ns)
        return ages->ours.id.birth_ns != since_ns || ages->ours.written_ns > since_ns ? AGE_OLDER
                                                                                      : AGE_UNKNOWN;
    return (age == AGE_LATER && is_undated(ages, entry)) || !was_written ? AGE_UNKNOWN : age;
}

/* What the ages of files tell of the direction of numbers. */
struct trend {
    bool rising, falling;
};

/* Of those that were born with the file at the path, or of all others. */
static struct trend trend_of(const struct rotation_ages *ages, bool with_path)
{
    const struct rotation_entry *ours = ages->list->ours;
    struct trend trend = {0};
    uint64_t number, our_number;
    for (size_t i = 0; ours != NULL && i < ages->list->count; i++) {
        const struct rotation_entry *entry = &ages->list->entries[i];
        if (rotation_is_known(ages, entry) || rotation_plain_of(ages, entry) != NULL ||
            rotation_is_born_with_path(ages, &entry->look) != with_path ||
            !rotation_name_numbers(entry->base, entry->plain_len, ours->base, ours_len(ages),
                                   &number, &our_number))
            continue;
        enum age age = certain_age(ages, entry);
        trend.rising |= age == (number > our_number ? AGE_LATER : AGE_OLDER);
        trend.falling |= age == (number > our_number ? AGE_OLDER : AGE_LATER);
    }
    return trend;
}

/*
 * With rising numbers, only the first file of all gets the lowest. Before a copy there may be none,
 * and without births nothing else tells.
 */
static bool has_lowest(const struct rotation_ages *ages)
{
    const struct rotation_entry *ours = ages->list->ours;
    uint64_t number;
    const struct file_past *past = &ages->view->at->past;
    return ours != NULL && past->left_inode != 0 &&
           (!past->copied || ages->ours.id.birth_ns != 0) &&
           rotation_name_number(ages->list->family.base, ours->base, ours_len(ages), &number) &&
           number <= 1;
}

void rotation_ages_init(struct rotation_ages *ages, const struct rotation_view *view,
                        const struct rotation_list *list, const struct file_look *ours)
{
    *ages = (struct rotation_ages){.view = view, .list = list, .ours = *ours};
    struct trend trend = trend_of(ages, false);
    if (!trend.rising && !trend.falling && has_lowest(ages))
        trend.falling = true;
    if (!trend.rising && !trend.falling) /* one of these may be a copy, so they come last */
        trend = trend_of(ages, true);
    ages->is_torn = trend.rising && (trend.falling || has_lowest(ages));
    ages->direction = trend.rising == trend.falling ? 0 : trend.rising ? 1 : -1;
    if (!trend.rising && !trend.falling)
        ages->direction = direction_to_target(list);
}

/*
 * Whether one that was born later may be a copy of what the other had before that was cut off, and
 * so have come first: who cuts a file off writes it.
 */
static bool may_be_copy_of(const struct file_look *copy, const struct file_look *file)
{
    return has_birth(copy) && has_birth(file) && file->written_ns >= copy->id.birth_ns;
}

/* --- one entry --- */

bool rotation_may_be_unread(const struct rotation_ages *ages, const struct rotation_entry *entry)
{
    return ages->view->at->offset == 0 && entry->look.size > 0 && !rotation_is_compressed(entry) &&
           may_be_copy_of(&entry->look, &ages->ours) && certain_age(ages, entry) == AGE_LATER &&
           (ages->is_torn || age_by_names(ages, entry) == AGE_OLDER);
}

/* Whether it was made of ours, or of the one that was read before. */
static int is_packed(struct rotation_ages *ages, const struct rotation_entry *entry, bool *ret_is,
                     struct err *e)
{
    int fd;
    struct file_look left;
    *ret_is = false;
    if (access(entry->name, R_OK) != 0 && errno == EACCES)
        return 0;
    int rc = rotation_list_open(entry->name, &entry->look, &fd, e);
    if (rc != 0)
        return rc;
    const struct rotation_view *v = ages->view;
    rc = content_is_packed(fd, v->fd, ages->ours.size, v->beats, ret_is, e);
    if (*ret_is)
        ages->packed = entry;
    if (rc == 0 && !*ret_is && v->left_fd >= 0) {
        rc = file_look_at(v->left_fd, &left, e);
        if (rc == 0)
            rc = content_is_packed(fd, v->left_fd, left.size, v->beats, ret_is, e);
    }
    (void)close(fd);
    return rc;
}

/* Whether a compressed file was made of all that another has. */
static int is_packed_of(const struct rotation_ages *ages, const struct rotation_entry *entry,
                        const struct rotation_entry *plain, bool *ret_is, struct err *e)
{
    int fd, plain_fd = -1;
    int rc = rotation_list_open(entry->name, &entry->look, &fd, e);
    if (rc != 0)
        return rc;
    rc = rotation_list_open(plain->name, &plain->look, &plain_fd, e);
    if (rc == 0)
        rc = content_is_packed(fd, plain_fd, plain->look.size, ages->view->beats, ret_is, e);
    if (plain_fd >= 0)
        (void)close(plain_fd);
    (void)close(fd);
    return rc;
}

/* Other endings may be of anything that is kept beside a file, such as how far others have read it.
 */
static bool has_known_ending(const struct rotation_entry *entry)
{
    static const char *const endings[] = {".gz", ".bz2", ".xz", ".zst", ".lz4", ".lzma",
                                          ".lz", ".lzo", ".Z",  ".br",  ".zip", ".7z"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        if (strcmp(entry->base + entry->plain_len, endings[i]) == 0)
            return true;
    }
    return false;
}

/*
 * Whether a compressed file is made, or being made, of the one that has its name without the
 * ending, which then counts. What is written of it so far cannot be compared; but it was begun when
 * that had the name already, which is the last that was changed of it (in one tick, if it has no
 * time yet that was kept, so that it is not complete), or has its time, or all its bytes. Otherwise
 * the name was given again beside it, and it is one for itself. What was read, or is older, shares
 * its name with nothing that came later.
 */
static int is_of_plain(const struct rotation_ages *ages, const struct rotation_entry *entry,
                       bool *ret_is, struct err *e)
{
    const struct rotation_entry *plain = rotation_plain_of(ages, entry);
    const struct file_look *look = &entry->look;
    *ret_is = false;
    if (plain == NULL)
        return 0;
    /* An empty file has no last write, but that is all that is known without births. */
    bool has_time = plain->look.size > 0 || look->id.birth_ns == 0;
    uint64_t begun_ns = look->id.birth_ns != 0 ? look->id.birth_ns : look->written_ns;
    *ret_is = !has_known_ending(entry) || rotation_is_known(ages, plain) ||
              certain_age(ages, plain) == AGE_OLDER || begun_ns > plain->look.changed_ns ||
              (begun_ns == plain->look.changed_ns && !rotation_times_were_set(look)) ||
              (has_time && look->written_ns < plain->look.changed_ns &&
               rotation_time_order(look->written_ns, plain->look.written_ns) == 0);
    bool readable = access(entry->name, R_OK) == 0 || errno != EACCES;
    return !*ret_is && readable ? is_packed_of(ages, entry, plain, ret_is, e) : 0;
}

/* A compressed file is as old as the last write to what it was made of, if that was kept. */
static int age_of_compressed(struct rotation_ages *ages, const struct rotation_entry *entry,
                             enum age *ret_age, struct err *e)
{
    bool nameless = ages->list->ours == NULL, packed = false, is_plain;
    int rc = is_of_plain(ages, entry, &is_plain, e);
    if (rc != 0)
        return rc;
    enum age age = is_plain ? AGE_OLDER : certain_age(ages, entry);
    if (age == AGE_UNKNOWN)
        age = age_by_names(ages, entry);
    bool may_be_ours = nameless && entry->look.id.birth_ns > ages->view->at->past.since_ns;
    if (may_be_ours || age == AGE_UNKNOWN) {
        rc = is_packed(ages, entry, &packed, e);
        if (rc != 0)
            return rc;
    }
    /* Ours has no name, and this was written last when ours was. */
    bool as_old = rotation_times_were_set(&entry->look) && nameless &&
                  rotation_time_order(entry->look.written_ns, ages->ours.written_ns) == 0;
    *ret_age = packed || as_old ? AGE_OLDER : age;
    return 0;
}

/* Whether an entry holds the beginning of another file and nothing else. */
static int is_begin_of(const struct rotation_ages *ages, int entry_fd, uint64_t len, int fd,
                       bool *ret_is, struct err *e)
{
    struct file_look look;
    *ret_is = false;
    int rc = file_look_at(fd, &look, e);
    if (rc != 0 || len == 0 || look.size < len)
        return rc;
    return content_is_same(entry_fd, fd, 0, len, ages->view->beats, ret_is, e);
}

/* Whether an entry is a copy of ours, or of the one at the path. */
static int is_copy(const struct rotation_ages *ages, const struct rotation_entry *entry,
                   bool *ret_is, struct err *e)
{
    int fd, path_fd = -1;
    int rc = rotation_list_open(entry->name, &entry->look, &fd, e);
    if (rc != 0)
        return rc;
    rc = is_begin_of(ages, fd, entry->look.size, ages->view->fd, ret_is, e);
    if (rc == 0 && !*ret_is)
        rc = rotation_list_open(ages->view->path, &ages->list->path, &path_fd, e);
    if (rc == 0 && !*ret_is)
        rc = is_begin_of(ages, fd, entry->look.size, path_fd, ret_is, e);
    if (path_fd >= 0)
        (void)close(path_fd);
    (void)close(fd);
    return rc;
}

int rotation_age_of(struct rotation_ages *ages, const struct rotation_entry *entry,
                    enum age *ret_age, struct err *e)
{
    if (rotation_is_compressed(entry))
        return age_of_compressed(ages, entry, ret_age, e);
    if (rotation_is_after_path(ages->list, entry)) {
        *ret_age = AGE_AFTER_PATH;
        return 0;
    }
    /* Nobody knows when it was begun, but that does not matter if it is empty. */
    bool born_with = entry->look.id.birth_ns == ages->view->at->past.since_ns;
    if (entry->look.size == 0 && (!has_birth(&entry->look) || born_with)) {
        *ret_age = AGE_OLDER;
        return 0;
    }
    enum age age = certain_age(ages, entry), by_names = age_by_names(ages, entry);
    /* In one moment neither the number of an inode nor a late write of ours beats the names. */
    if (age == AGE_OLDER && born_with && entry->look.id.birth_ns != 0 && by_names == AGE_LATER) {
        *ret_age = AGE_UNKNOWN;
        return 0;
    }
    /* Nor does the birth of what may have been rotated in the tick of the one at the path, be a
     * copy, or be what a link leads to next. */
    bool with_path = rotation_is_born_with_path(ages, &entry->look);
    bool may_be_next = rotation_may_be_after_path(ages->list, entry);
    /* Nor where it may be a copy of ours, which was cut off since. */
    bool may_be_copy = rotation_may_be_unread(ages, entry);
    if (age == AGE_LATER && ((by_names == AGE_OLDER && with_path) || may_be_next || may_be_copy)) {
        *ret_age = AGE_UNKNOWN;
        return 0;
    }
    if (age == AGE_UNKNOWN && is_undated(ages, entry)) {
        bool copy;
        int rc = is_copy(ages, entry, &copy, e);
        /* A link may be led to it next, which is later than the path. */
        bool is_next = ages->list->family.target != NULL && by_names == AGE_LATER &&
                       order_to_target(ages->list, entry) >= 0;
        age = copy ? AGE_OLDER : is_next ? AGE_UNKNOWN : by_names;
        *ret_age = age == AGE_UNKNOWN ? AGE_LATE_COPY : age;
        return rc;
    }
    *ret_age = age == AGE_UNKNOWN ? by_names : age;
    return 0;
}

/* --- two of them --- */

static int order_by_times(const struct file_look *a, const struct file_look *b)
{
    bool a_born = has_birth(a), b_born = has_birth(b);
    if (a_born && b_born && a->id.birth_ns != b->id.birth_ns)
        return a->id.birth_ns > b->id.birth_ns ? 1 : -1;
    int order = rotation_time_order(a->written_ns, b->written_ns);
    if (a->size == 0 || b->size == 0)
        return 0; /* nobody wrote to it */
    if (a_born == b_born || order == 0)
        return order;
    /*
     * One was written last before the other was begun, or after that was written last. If it was in
     * the moment in which the other was begun, both may be of that moment, and either the first.
     */
    if (a_born)
        return -order_by_times(b, a);
    if (order > 0)
        return 1;
    return rotation_time_order(a->written_ns, b->id.birth_ns) < 0 ? -1 : 0;
}

int rotation_order(const struct rotation_ages *ages, const struct rotation_entry *a,
                   const struct rotation_entry *b)
{
    bool undated = is_undated(ages, a) || is_undated(ages, b);
    int order = undated ? 0 : order_by_times(&a->look, &b->look);
    int by_names =
        rotation_name_order(a->base, a->plain_len, b->base, b->plain_len, ages->direction);
    if (order * by_names < 0 &&
        (order < 0 ? may_be_copy_of(&b->look, &a->look) : may_be_copy_of(&a->look, &b->look)))
        return 0;
    if (order == 0)
        order = by_names;
    /* When one of them comes that has nothing in it does not matter. */
    if (order == 0 && (a->look.size == 0 || b->look.size == 0))
        order = a->look.size == 0 ? 1 : -1;
    return order;
}

int rotation_refuse_order(const struct rotation_ages *ages, const struct rotation_entry *a,
                          const struct rotation_entry *b, struct err *e)
{
    return err_set(e, ERR_MISMATCH,
                   "cannot tell whether '%s' or '%s' was written first: neither their times nor "
                   "their names show it; move the later one to another directory, and back once "
                   "the other was read" ROTATION_OR_DISCARD,
                   a->name, b->name, ages->view->path);
}
