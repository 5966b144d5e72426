/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/digest.h"
#include "common/memory.h"
#include "tests/unit/cases.h"

/* The examples of FIPS 180-4 that NIST publishes, and the empty message. */
static const struct {
    const char *text;
    const char *digest;
} examples[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static struct digest of_file(const void *bytes, size_t len)
{
    struct digest digest = {{0}};
    struct err e;
    int fd = memfd_create("digest", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(digest_of_file(fd, &digest, &e), 0);
    (void)close(fd);
    return digest;
}

static void digests_are_those_of_the_standard(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        const char *text = examples[i].text;
        assert_string_equal(digest_of(text, strlen(text)).text, examples[i].digest);
        assert_string_equal(of_file(text, strlen(text)).text, examples[i].digest);
    }
}

static void a_large_file_has_the_digest_of_its_bytes(void **state)
{
    (void)state;
    size_t len = 1000000;
    char *bytes = memory_new(len, 1);
    memset(bytes, 'a', len);
    const char *wanted = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
    assert_string_equal(digest_of(bytes, len).text, wanted);
    assert_string_equal(of_file(bytes, len).text, wanted);
    free(bytes);
}

static void what_cannot_be_read_has_no_digest(void **state)
{
    (void)state;
    struct digest digest;
    struct err e;
    int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(digest_of_file(fd, &digest, &e), ERR_IO);
    assert_string_equal(e.text, "cannot read it: Is a directory");
    (void)close(fd);
}

static void a_digest_has_64_digits(void **state)
{
    (void)state;
    char text[DIGEST_DIGITS + 2];
    memcpy(text, examples[1].digest, DIGEST_DIGITS + 1);
    assert_true(digest_is_one(text));
    text[5] = 'A';
    assert_false(digest_is_one(text));
    text[5] = '\0';
    assert_false(digest_is_one(text));
    memset(text, '0', DIGEST_DIGITS + 1);
    text[DIGEST_DIGITS + 1] = '\0';
    assert_false(digest_is_one(text));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_those_of_the_standard),
        cmocka_unit_test(a_large_file_has_the_digest_of_its_bytes),
        cmocka_unit_test(what_cannot_be_read_has_no_digest),
        cmocka_unit_test(a_digest_has_64_digits),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
