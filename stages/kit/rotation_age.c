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

/* Whether the birth time of a file is when it was begun. */
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
    /* An inode number may be reused, but not with so old a birth time. */
    bool is_left = born_ns != 0 && born_ns <= since_ns && look->id.inode == past->left_inode &&
                   look->id.device == ours->id.device;
    if (born_ns != 0 && born_ns < since_ns)
        return AGE_OLDER; /* and its original is even older */
    if (has_birth(look) && since_ns != 0) {
        if (born_ns != since_ns)
            return AGE_LATER;
        /* It was there when ours was at the path, or it was born right after what was. */
        if (ours->id.birth_ns != since_ns)
            return is_left ? AGE_OLDER : AGE_UNKNOWN;
    } else if (since_ns != 0 && born_ns != 0 &&
               rotation_time_order(look->written_ns, since_ns) < 0) {
        /* If it is the same moment or second, it may have come right after ours */
        return AGE_OLDER;
    }
    /*
     * The writer had finished the older files when it began ours. If ours is empty, or is a copy
     * with times of its own, it is unknown when that was.
     */
    bool is_copy = has_birth(ours) && since_ns != 0 && ours->id.birth_ns > since_ns;
    int order = rotation_time_order(look->written_ns, is_copy ? since_ns : ours->written_ns);
    if (order == 0 && is_left)
        return AGE_OLDER;
    /* A program that has not reopened its log yet still writes to an older file. */
    bool was_there =
        born_ns != 0 &&
        (is_left || (born_ns == since_ns && rotation_past_has(past, &look->id) == PASSED));
    return order > 0 && (is_copy || was_there || ours->size == 0) ? AGE_UNKNOWN
                                                                  : age_by_order(order);
}

/*
 * When the file at the path was born, if that was after everything of the past; otherwise
 * UINT64_MAX.
 */
static uint64_t birth_of_last(const struct rotation_ages *ages)
{
    const struct file_past *past = &ages->view->at->past;
    const struct file_identity *path = &ages->list->path.id;
    /* It may also have been begun in the same tick as ours. */
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

/*
 * The direction of the numbers if the link at the path moves from one number to the next; else 0.
 */
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
 * Which came later according to the names, an entry or the target of the link at the path: 1 (the
 * entry), -1 (the target), 0 (unknown). If one of them has more numbers than the other, that means
 * nothing here: it may have been renamed, or be a copy. For numbers, the direction follows from the
 * number of ours and that of the target, which came after it.
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

/* The length of our name without its suffix, if it has one. */
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

/*
 * Whether a file's times are those of its copying or compression, and so do not show when it was
 * written.
 */
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

/*
 * When an entry came, if that is certain without its name. A file created earlier was also written
 * earlier.
 */
static enum age certain_age(const struct rotation_ages *ages, const struct rotation_entry *entry)
{
    enum age age = age_by_times(ages, &entry->look);
    uint64_t since_ns = ages->view->at->past.since_ns, born_ns = entry->look.id.birth_ns;
    bool was_written = entry->look.size > 0 || (has_birth(&entry->look) && born_ns != since_ns);
    /*
     * It was there when ours was at the path. Or it was created in the moment in which ours was
     * begun. Then it is older if ours was written after that, because later files did not exist
     * yet.
     */
    if (rotation_is_compressed(entry) && since_ns != 0 && born_ns == since_ns)
        return ages->ours.id.birth_ns != since_ns || ages->ours.written_ns > since_ns ? AGE_OLDER
                                                                                      : AGE_UNKNOWN;
    return (age == AGE_LATER && is_undated(ages, entry)) || !was_written ? AGE_UNKNOWN : age;
}

/* What the ages of files show about the direction of numbers. */
struct trend {
    bool rising, falling;
};

/* The trend of the files that were born with the file at the path, or of all the others. */
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
 * With rising numbers, only the very first file gets the lowest number. There may be no file before
 * a copy, and without birth times nothing else shows that.
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
    if (!trend.rising && !trend.falling) /* one of these may be a copy, so they are asked last */
        trend = trend_of(ages, true);
    ages->is_torn = trend.rising && (trend.falling || has_lowest(ages));
    ages->direction = trend.rising == trend.falling ? 0 : trend.rising ? 1 : -1;
    if (!trend.rising && !trend.falling)
        ages->direction = direction_to_target(list);
}

/*
 * Whether a file that was born later may be a copy of what the other held before that was
 * truncated, and so have come first. The program that truncates a file also writes to it.
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

/* Whether a compressed file was made from ours, or from the file that was read before. */
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

/* Whether a compressed file was made from the whole of another file. */
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

/*
 * Whether a suffix is a known one of compression. Other suffixes may be of anything that is stored
 * next to a log, such as how far another program has read it.
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
 * Whether a compressed file was made, or is being made, from the file that has its name without the
 * suffix. Then that file counts instead.
 *
 * What is written of the compressed file so far cannot be compared. But it belongs to the plain
 * file if it was begun when that already had its name, which was the last change to that file; or
 * if it has the time of the plain file; or all its bytes. In one tick, the first of these counts
 * only while the compressed file has no time of its own yet, and so is not complete.
 *
 * Otherwise the name was reused next to it, and it is a file of its own. A file that was read, or
 * is older, never shares its name with a later one.
 */
static int is_of_plain(const struct rotation_ages *ages, const struct rotation_entry *entry,
                       bool *ret_is, struct err *e)
{
    const struct rotation_entry *plain = rotation_plain_of(ages, entry);
    const struct file_look *look = &entry->look;
    *ret_is = false;
    if (plain == NULL)
        return 0;
    /* An empty file was never written, but without birth times there is nothing else to go by. */
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

/* A compressed file is as old as the last write to its original, if that time was kept. */
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
    /* Ours has no name, and this file was last written when ours was. */
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

/* Whether an entry is a copy of ours, or of the file at the path. */
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
    /* It is unknown when it was begun, but that does not matter if it is empty. */
    bool born_with = entry->look.id.birth_ns == ages->view->at->past.since_ns;
    if (entry->look.size == 0 && (!has_birth(&entry->look) || born_with)) {
        *ret_age = AGE_OLDER;
        return 0;
    }
    enum age age = certain_age(ages, entry), by_names = age_by_names(ages, entry);
    /* Within one moment, neither an inode number nor a late write to ours overrules the names. */
    if (age == AGE_OLDER && born_with && entry->look.id.birth_ns != 0 && by_names == AGE_LATER) {
        *ret_age = AGE_UNKNOWN;
        return 0;
    }
    /*
     * Nor does the birth of a file that may be something else: rotated in the tick of the one at
     * the path, a copy, or the next target of a link.
     */
    bool with_path = rotation_is_born_with_path(ages, &entry->look);
    bool may_be_next = rotation_may_be_after_path(ages->list, entry);
    /* Nor if the file may be a copy of ours, which was truncated since. */
    bool may_be_copy = rotation_may_be_unread(ages, entry);
    if (age == AGE_LATER && ((by_names == AGE_OLDER && with_path) || may_be_next || may_be_copy)) {
        *ret_age = AGE_UNKNOWN;
        return 0;
    }
    if (age == AGE_UNKNOWN && is_undated(ages, entry)) {
        bool copy;
        int rc = is_copy(ages, entry, &copy, e);
        /* It may be the next target of the link, which is later than the path. */
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
        return 0; /* an empty file was never written */
    if (a_born == b_born || order == 0)
        return order;
    /*
     * One of them was last written before the other was begun, or after the other was last written.
     * If it was last written in the moment in which the other was begun, both may belong to that
     * moment, in either order.
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
    /* The place of an empty file does not matter. */
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
