/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/file.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

/* Every test has a fresh directory, which it finds here. */
static int dir_fd = -1;
static char dir_name[4096];

static int make_directory(void **state)
{
    (void)state;
    const char *parent = getenv("TMPDIR");
    (void)snprintf(dir_name, sizeof dir_name, "%s/file_test.XXXXXX",
                   parent != NULL && *parent != '\0' ? parent : "/tmp");
    if (mkdtemp(dir_name) == NULL)
        return -1;
    dir_fd = open(dir_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir_fd >= 0 ? 0 : -1;
}

/* Directories that a test makes in its own stay empty, so one level is enough. */
static int remove_directory(void **state)
{
    (void)state;
    DIR *dir = fdopendir(dir_fd);
    if (dir == NULL)
        return -1;
    rewinddir(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (unlinkat(dir_fd, entry->d_name, 0) != 0)
            (void)unlinkat(dir_fd, entry->d_name, AT_REMOVEDIR);
    }
    (void)closedir(dir);
    return rmdir(dir_name);
}

static int open_new(const char *name)
{
    int fd = -1;
    struct err e = {0};
    if (file_open(dir_fd, name, O_RDWR | O_CREAT | O_EXCL, 0600, &fd, &e) != 0)
        fail_msg("%s", e.text);
    return fd;
}

/* Makes a file of that content with none of the functions under test. */
static void put(const char *name, const char *content)
{
    int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    assert_int_equal(close(fd), 0);
}

/* Fails unless the file of that name has that content; NULL: unless there is none. */
static void assert_file(const char *name, const char *content)
{
    char read_back[256];
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    if (content == NULL) {
        assert_int_equal(fd, -1);
        return;
    }
    assert_true(fd >= 0);
    ssize_t len = read(fd, read_back, sizeof read_back);
    assert_int_equal(close(fd), 0);
    assert_int_equal(len, strlen(content));
    assert_memory_equal(read_back, content, strlen(content));
}

static void open_says_what_is_missing(void **state)
{
    (void)state;
    put("a_file", "x");
    static const struct {
        const char *name;
        int flags;
        int code;
    } cases[] = {
        {"missing", O_RDONLY, ERR_NOT_FOUND},
        {"missing", O_RDWR, ERR_NOT_FOUND},
        {"missing/below", O_RDONLY, ERR_NOT_FOUND},
        {"missing/below", O_WRONLY | O_CREAT, ERR_NOT_FOUND},
        {"a_file", O_WRONLY | O_CREAT | O_EXCL, ERR_IO},
        {"a_file/below", O_RDONLY, ERR_IO},
        {"a_file", O_RDONLY | O_DIRECTORY, ERR_IO},
        {".", O_WRONLY, ERR_IO},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err e = {0};
        int fd = -77;
        int rc = file_open(dir_fd, cases[i].name, cases[i].flags, 0600, &fd, &e);
        if (rc != cases[i].code || e.code != rc || fd != -77)
            fail_msg("'%s': %d, %d, %d", cases[i].name, rc, e.code, fd);
        assert_non_null(strstr(e.text, cases[i].name));
        assert_int_equal(file_open(dir_fd, cases[i].name, cases[i].flags, 0600, &fd, NULL), rc);
    }
}

static void open_gives_what_was_asked_for(void **state)
{
    (void)state;
    int fd = open_new("new");
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 0177, 0);
    assert_int_equal(close(fd), 0);
}

static void writes_and_reads_are_whole(void **state)
{
    (void)state;
    int fd = open_new("f");
    char bytes[16];
    size_t got = 99;
    assert_int_equal(file_write_at(fd, 0, "hello", 5, NULL), 0);
    assert_int_equal(file_write_at(fd, 3, "LOW", 3, NULL), 0);
    assert_file("f", "helLOW");
    assert_int_equal(file_read_at(fd, 0, bytes, 6, &got, NULL), 0);
    assert_int_equal(got, 6);
    assert_memory_equal(bytes, "helLOW", 6);
    /* Fewer bytes at the end only, none behind it. */
    assert_int_equal(file_read_at(fd, 4, bytes, sizeof bytes, &got, NULL), 0);
    assert_int_equal(got, 2);
    assert_memory_equal(bytes, "OW", 2);
    assert_int_equal(file_read_at(fd, 6, bytes, sizeof bytes, &got, NULL), 0);
    assert_int_equal(got, 0);
    got = 99;
    assert_int_equal(file_read_at(fd, 1000, bytes, sizeof bytes, &got, NULL), 0);
    assert_int_equal(got, 0);
    assert_int_equal(file_read_at(fd, 0, bytes, 0, &got, NULL), 0);
    assert_int_equal(got, 0);
    /* A write behind the end leaves zeros; one of nothing leaves all as it is. */
    assert_int_equal(file_write_at(fd, 8, "!", 1, NULL), 0);
    assert_int_equal(file_write_at(fd, 100, "", 0, NULL), 0);
    assert_int_equal(file_read_at(fd, 0, bytes, sizeof bytes, &got, NULL), 0);
    assert_int_equal(got, 9);
    assert_memory_equal(bytes, "helLOW\0\0!", 9);
    assert_int_equal(close(fd), 0);
}

static void offsets_do_not_move_the_descriptor(void **state)
{
    (void)state;
    int fd = open_new("f");
    char byte;
    size_t got;
    assert_int_equal(file_write_at(fd, 10, "abc", 3, NULL), 0);
    assert_int_equal(file_read_at(fd, 11, &byte, 1, &got, NULL), 0);
    assert_int_equal(byte, 'b');
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
    assert_int_equal(close(fd), 0);
}

static void what_the_system_refuses_is_an_error(void **state)
{
    (void)state;
    put("f", "content");
    int fd = -1, pipe_fds[2];
    char byte = 'x';
    size_t got = 99;
    uint64_t len = 99;
    struct buf out = {0};
    struct err e = {0};
    assert_int_equal(file_open(dir_fd, "f", O_RDONLY, 0, &fd, NULL), 0);
    assert_int_equal(file_write_at(fd, 0, "x", 1, &e), ERR_IO);
    assert_int_equal(e.code, ERR_IO);
    assert_int_not_equal(e.text[0], '\0');
    assert_int_equal(file_truncate(fd, 1, &e), ERR_IO);
    assert_int_equal(file_truncate(fd, UINT64_MAX, &e), ERR_IO);
    assert_int_equal(file_read_at(fd, UINT64_MAX, &byte, 1, &got, &e), ERR_IO);
    assert_int_equal(close(fd), 0);
    assert_file("f", "content");

    assert_int_equal(file_read_at(-1, 0, &byte, 1, &got, &e), ERR_IO);
    assert_int_equal(file_write_at(-1, 0, &byte, 1, &e), ERR_IO);
    assert_int_equal(file_read_whole(-1, 10, &out, &e), ERR_IO);
    assert_int_equal(file_length(-1, &len, &e), ERR_IO);
    assert_int_equal(file_sync(-1, &e), ERR_IO);
    assert_int_equal(file_sync_dir(-1, &e), ERR_IO);
    assert_int_equal(file_truncate(-1, 0, NULL), ERR_IO);
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    assert_int_equal(file_sync(pipe_fds[1], &e), ERR_IO);
    assert_int_equal(file_read_whole(pipe_fds[0], 10, &out, &e), ERR_IO);
    assert_int_equal(close(pipe_fds[0]), 0);
    assert_int_equal(close(pipe_fds[1]), 0);
    assert_int_equal(got, 99);
    assert_int_equal(len, 99);
    assert_int_equal(out.len, 0);
    assert_int_equal(byte, 'x');
    buf_done(&out);
}

/* The kernel writes up to the limit and says so; the rest must be tried, and then fails. */
static void a_short_write_is_carried_on_with(void **state)
{
    (void)state;
    int fd = open_new("f");
    struct rlimit old, limit;
    struct err e = {0};
    uint8_t bytes[100];
    memset(bytes, 'b', sizeof bytes);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = (struct rlimit){.rlim_cur = 60, .rlim_max = old.rlim_max};
    void (*old_handler)(int) = signal(SIGXFSZ, SIG_IGN);
    /* Nothing may be printed until the limit is gone: that goes to a file as well. */
    int limited = setrlimit(RLIMIT_FSIZE, &limit);
    int rc = file_write_at(fd, 0, bytes, sizeof bytes, &e);
    int freed = setrlimit(RLIMIT_FSIZE, &old);
    (void)signal(SIGXFSZ, old_handler);
    assert_int_equal(limited, 0);
    assert_int_equal(freed, 0);
    assert_int_equal(rc, ERR_MISMATCH);
    assert_int_equal(e.code, ERR_MISMATCH);
    assert_string_equal(e.text,
                        "the file would exceed the process's file size limit; raise the limit and "
                        "run again: cannot write 40 bytes at offset 60: File too large "
                        "(ulimit -f allows 60 bytes in one file)");
    uint64_t len = 0;
    assert_int_equal(file_length(fd, &len, NULL), 0);
    assert_int_equal(len, 60);
    assert_int_equal(close(fd), 0);
}

/* Lengths around the pieces it reads in; out keeps what it holds already. */
static void whole_files_are_read(void **state)
{
    (void)state;
    static const size_t lens[] = {0, 1, 65535, 65536, 65537, 131071, 131072, 131073, 200000};
    uint8_t *bytes = malloc(200000);
    assert_non_null(bytes);
    random_fill(bytes, 200000);
    int fd = open_new("f");
    struct buf out = {0};
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        size_t len = lens[i];
        assert_int_equal(file_truncate(fd, 0, NULL), 0);
        assert_int_equal(file_write_at(fd, 0, bytes, len, NULL), 0);
        buf_reset(&out);
        buf_add_text(&out, "front");
        assert_int_equal(file_read_whole(fd, len, &out, NULL), 0);
        assert_int_equal(out.len, 5 + len);
        assert_memory_equal(out.data, "front", 5);
        if (len != 0)
            assert_memory_equal(out.data + 5, bytes, len);
        buf_reset(&out);
        assert_int_equal(file_read_whole(fd, SIZE_MAX, &out, NULL), 0);
        assert_int_equal(out.len, len);
        struct err e = {0};
        if (len != 0) {
            assert_int_equal(file_read_whole(fd, len - 1, &out, &e), ERR_RANGE);
            assert_int_equal(e.code, ERR_RANGE);
        }
    }
    buf_done(&out);
    assert_int_equal(close(fd), 0);
    free(bytes);
}

/* A file that is far too long must not be read to its end, nor fill the memory. */
static void a_file_without_bounds_is_given_up(void **state)
{
    (void)state;
    int fd = open_new("f");
    struct buf out = {0};
    assert_int_equal(file_truncate(fd, UINT64_C(1) << 40, NULL), 0);
    assert_int_equal(file_read_whole(fd, 1000, &out, NULL), ERR_RANGE);
    assert_true(out.capacity < 1000000);
    buf_done(&out);
    assert_int_equal(close(fd), 0);
}

static void truncate_cuts_and_extends(void **state)
{
    (void)state;
    int fd = open_new("f");
    uint64_t len = 99;
    char bytes[16];
    size_t got;
    assert_int_equal(file_length(fd, &len, NULL), 0);
    assert_int_equal(len, 0);
    assert_int_equal(file_write_at(fd, 0, "abcdef", 6, NULL), 0);
    assert_int_equal(file_truncate(fd, 3, NULL), 0);
    assert_int_equal(file_length(fd, &len, NULL), 0);
    assert_int_equal(len, 3);
    assert_file("f", "abc");
    assert_int_equal(file_truncate(fd, 5, NULL), 0);
    assert_int_equal(file_read_at(fd, 0, bytes, sizeof bytes, &got, NULL), 0);
    assert_int_equal(got, 5);
    assert_memory_equal(bytes, "abc\0\0", 5);
    assert_int_equal(file_truncate(fd, 0, NULL), 0);
    assert_file("f", "");
    assert_int_equal(file_sync(fd, NULL), 0);
    assert_int_equal(close(fd), 0);
}

static void rename_replaces(void **state)
{
    (void)state;
    put("new", "new content");
    put("old", "old content");
    assert_int_equal(file_rename(dir_fd, "new", "old", true, NULL), 0);
    assert_file("new", NULL);
    assert_file("old", "new content");
    assert_int_equal(file_rename(dir_fd, "old", "other", false, NULL), 0);
    assert_file("old", NULL);
    assert_file("other", "new content");
}

static void a_rename_that_fails_changes_nothing(void **state)
{
    (void)state;
    struct err e = {0};
    put("there", "content");
    assert_int_equal(mkdirat(dir_fd, "dir", 0700), 0);
    assert_int_equal(file_rename(dir_fd, "missing", "there", true, &e), ERR_IO);
    assert_int_equal(e.code, ERR_IO);
    assert_non_null(strstr(e.text, "missing"));
    assert_non_null(strstr(e.text, "there"));
    assert_int_equal(file_rename(dir_fd, "there", "dir", true, NULL), ERR_IO);
    assert_file("there", "content");
}

static void remove_is_content_with_nothing_there(void **state)
{
    (void)state;
    struct err e = {0};
    put("f", "x");
    assert_int_equal(file_remove(dir_fd, "f", &e), 0);
    assert_file("f", NULL);
    assert_int_equal(file_remove(dir_fd, "f", &e), 0);
    assert_int_equal(mkdirat(dir_fd, "dir", 0700), 0);
    assert_int_equal(file_remove(dir_fd, "dir", &e), ERR_IO);
    assert_non_null(strstr(e.text, "dir"));
}

static void directories_are_made_once(void **state)
{
    (void)state;
    int fd = -1, again = -1;
    struct stat st, st_again;
    assert_int_equal(file_make_dir(dir_fd, "dir", &fd, NULL), 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(file_make_dir(dir_fd, "dir", &again, NULL), 0);
    assert_int_equal(fstat(again, &st_again), 0);
    assert_int_equal(st.st_ino, st_again.st_ino);
    assert_int_equal(file_sync_dir(fd, NULL), 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(close(again), 0);
}

static void what_is_no_directory_is_refused(void **state)
{
    (void)state;
    int fd = -77;
    struct err e = {0};
    put("f", "x");
    assert_int_equal(symlinkat(".", dir_fd, "link"), 0);
    assert_int_equal(file_make_dir(dir_fd, "f", &fd, &e), ERR_MISMATCH);
    assert_int_equal(file_make_dir(dir_fd, "link", &fd, &e), ERR_MISMATCH);
    assert_int_equal(file_make_dir(dir_fd, "missing/dir", &fd, &e), ERR_IO);
    assert_int_equal(fd, -77);
}

/* How often fsync(2) fails from now on, and how. */
static unsigned sync_failures;
static int sync_error;
static unsigned syncs;

int fsync(int fd)
{
    syncs++;
    if (sync_failures == 0)
        return (int)syscall(SYS_fsync, fd);
    sync_failures--;
    errno = sync_error;
    return -1;
}

static int sync_dir_with(int error, struct err *e)
{
    sync_failures = 1;
    sync_error = error;
    syncs = 0;
    return file_sync_dir(dir_fd, e);
}

/* A call that was interrupted is made again; a file system that syncs no directories is not asked
 * twice; what is lost is told. */
static void a_directory_is_synced_where_that_can_be(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(sync_dir_with(EINTR, &e), 0);
    assert_int_equal(syncs, 2);
    assert_int_equal(sync_dir_with(EINVAL, &e), 0);
    assert_int_equal(syncs, 1);
    assert_int_equal(sync_dir_with(EIO, &e), ERR_IO);
    assert_int_equal(syncs, 1);
    assert_non_null(strstr(e.text, "cannot sync a directory"));
    int fd = -1;
    sync_failures = 1;
    sync_error = EINVAL;
    assert_int_equal(file_make_dir(dir_fd, "dir", &fd, &e), 0);
    assert_int_equal(close(fd), 0);
}

#define MODEL_BYTES 4096

/* Writes, cuts and reads at random, beside plain memory that cannot be wrong. */
/* That the directory is synced is seen by the simulation, which can lose its power. */
static void entries_are_synced_where_they_are(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(mkdirat(dir_fd, "dir", 0700), 0);
    assert_int_equal(file_sync_entry(dir_fd, "a", &e), 0);
    assert_int_equal(file_sync_entry(dir_fd, "dir/a", &e), 0);
    assert_int_equal(file_sync_entry(AT_FDCWD, dir_name, &e), 0);
    assert_int_equal(file_sync_entry(dir_fd, "missing/a", &e), ERR_NOT_FOUND);
    put("file", "x");
    assert_int_equal(file_sync_entry(dir_fd, "file/a", &e), ERR_IO);
}

static void agrees_with_plain_memory(void **state)
{
    (void)state;
    static uint8_t model[MODEL_BYTES], bytes[MODEL_BYTES];
    size_t len = 0;
    int fd = open_new("f");
    for (int i = 0; i < 3000; i++) {
        size_t offset = random_below(MODEL_BYTES);
        size_t n = random_below(MODEL_BYTES - offset + 1) >> random_below(8);
        size_t got = 99, expected = offset < len ? len - offset : 0;
        uint64_t length = 99;
        switch (random_below(5)) {
        case 0:
            assert_int_equal(file_truncate(fd, offset, NULL), 0);
            /* Behind the end, the model holds zeros, as a file that grows does. */
            if (offset < len)
                memset(model + offset, 0, len - offset);
            len = offset;
            break;
        case 1:
        case 2:
            random_fill(model + offset, n);
            assert_int_equal(file_write_at(fd, offset, model + offset, n, NULL), 0);
            if (n != 0 && offset + n > len)
                len = offset + n;
            break;
        default:
            expected = expected < n ? expected : n;
            assert_int_equal(file_read_at(fd, offset, bytes, n, &got, NULL), 0);
            assert_int_equal(got, expected);
            if (got != 0)
                assert_memory_equal(bytes, model + offset, got);
        }
        assert_int_equal(file_length(fd, &length, NULL), 0);
        assert_int_equal(length, len);
    }
    assert_int_equal(close(fd), 0);
}

/* Removed, moved away, replaced, a link to the same file, truncated. */
static void what_is_not_in_its_place_is_told(void **state)
{
    (void)state;
    struct err e;
    int fd = open_new("ours");
    assert_int_equal(file_write_at(fd, 0, "12345", 5, &e), 0);
    assert_int_equal(file_check_in_place(dir_fd, "ours", fd, 5, &e), 0);
    assert_int_equal(file_check_in_place(dir_fd, "ours", fd, 6, &e), ERR_MISMATCH);
    assert_non_null(strstr(e.text, "'ours' has 5 bytes, but 6 were there: it was truncated"));
    assert_int_equal(linkat(dir_fd, "ours", dir_fd, "copy", 0), 0);
    assert_int_equal(file_check_in_place(dir_fd, "ours", fd, 5, &e), 0);
    assert_int_equal(file_rename(dir_fd, "ours", "moved", false, &e), 0);
    for (int replaced = 0; replaced < 3; replaced++) {
        if (replaced == 1)
            (void)close(open_new("ours"));
        if (replaced == 2)
            assert_int_equal(file_remove(dir_fd, "ours", &e), 0);
        if (replaced == 2)
            assert_int_equal(symlinkat("moved", dir_fd, "ours"), 0);
        assert_int_equal(file_check_in_place(dir_fd, "ours", fd, 5, &e), ERR_MISMATCH);
        assert_non_null(strstr(e.text, "'ours' was removed, moved away or replaced"));
    }
    (void)close(fd);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_directory, remove_directory)

int main(int argc, char **argv)
{
    random_init("file_test");
    const struct CMUnitTest tests[] = {
        TEST(open_says_what_is_missing),
        TEST(open_gives_what_was_asked_for),
        TEST(writes_and_reads_are_whole),
        TEST(offsets_do_not_move_the_descriptor),
        TEST(what_the_system_refuses_is_an_error),
        TEST(a_short_write_is_carried_on_with),
        TEST(whole_files_are_read),
        TEST(a_file_without_bounds_is_given_up),
        TEST(truncate_cuts_and_extends),
        TEST(rename_replaces),
        TEST(a_rename_that_fails_changes_nothing),
        TEST(remove_is_content_with_nothing_there),
        TEST(what_is_not_in_its_place_is_told),
        TEST(directories_are_made_once),
        TEST(what_is_no_directory_is_refused),
        TEST(a_directory_is_synced_where_that_can_be),
        TEST(entries_are_synced_where_they_are),
        TEST(agrees_with_plain_memory),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
