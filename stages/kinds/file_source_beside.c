/* SPDX-License-Identifier: MIT */
#include "stages/kinds/file_source_p.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "stages/kit/rotation.h"

struct rotation_view file_source_view(const struct file_source *self)
{
    bool kept = self->tail.len == self->tail.end && self->tail.end >= self->at.offset;
    return (struct rotation_view){.path = self->path,
                                  .fd = self->fd,
                                  .left_fd = self->left_fd,
                                  .at = &self->at,
                                  .bytes = kept ? self->tail.bytes : NULL,
                                  .beats = self->beats};
}

int file_source_pass(struct file_source *self, int rc, struct err *e)
{
    if (rc != ERR_IO || !self->follow) {
        free(self->trouble);
        self->trouble = NULL;
        return rc;
    }
    if (self->trouble == NULL || strcmp(self->trouble, e->text) != 0) {
        free(self->trouble);
        self->trouble = memory_dup(e->text, strlen(e->text));
        char *text = memory_format("%s; trying again until it works", e->text);
        self->note(text);
        free(text);
    }
    return ERR_AGAIN;
}

int file_source_begin_past(struct file_source *self, struct err *e)
{
    struct rotation_view view = file_source_view(self);
    struct file_past past;
    int rc = rotation_take_stock(&view, true, &past, e);
    if (rc == 0)
        self->at.past = past;
    return rc;
}

void file_source_find_left(struct file_source *self)
{
    uint64_t left_bytes = self->at.past.left_bytes;
    struct rotation_view view = file_source_view(self);
    if (left_bytes != 0 && self->left_fd < 0 && rotation_open_left(&view, &self->left_fd) == 0)
        self->left_bytes = left_bytes - 1;
}
