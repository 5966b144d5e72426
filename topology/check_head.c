/* SPDX-License-Identifier: MIT */
/* The top-level keys of a topology except `types:` and `stages:`. */
#include <string.h>

#include "topology/check_p.h"

#define NS_PER_MS 1000000ll

static const char *const durability_choices[] = {"host", "process", NULL};

static const struct option_spec head_specs[] = {
    {.name = "topology", .tag = OPTION_TEXT, .required = true, .meaning = "its name"},
    {.name = "version",
     .tag = OPTION_INT,
     .min = 1,
     .max = INT32_MAX,
     .meaning = "number of this revision; its text cannot change any more"},
    {.name = "description", .tag = OPTION_TEXT, .meaning = "what it is for"},
    {.name = "durability",
     .tag = OPTION_CHOICE,
     .fallback = "host",
     .choices = durability_choices,
     .meaning = "what acked records survive"},
    {.name = "stall_timeout",
     .tag = OPTION_DURATION,
     .fallback = "30s",
     .min = STALL_TIMEOUT_MS_MIN * NS_PER_MS,
     .max = STALL_TIMEOUT_MS_MAX * NS_PER_MS,
     .meaning =
         "how long a stage may be busy with one record before it counts as hung and is restarted"},
    {0},
};
static const char *const head_others[] = {"types", "stages", NULL};
static const struct option_keys head_keys = {.own = head_specs, .others = head_others};

bool check_head_misspelt(const struct node *root, const char *key)
{
    return option_keys_misspelt(&head_keys, root, key);
}

void check_head(struct checker *c, const struct node *root)
{
    struct kind_check check = {.diagnostics = c->diagnostics, .directory = c->directory};
    struct options *head = options_read(root, &head_keys, root->place, "a topology", &check);
    const struct option_value *name = options_get(head, "topology");
    if (name->text != NULL && diagnostics_check_name(c->diagnostics, name->place, name->text))
        memcpy(c->topology->name, name->text, strlen(name->text) + 1);
    const struct option_value *version = options_get(head, "version");
    c->topology->version = version->present && !version->bad ? version->number : 0;
    c->topology->durability =
        options_get(head, "durability")->number == 1 ? DURABILITY_PROCESS : DURABILITY_HOST;
    c->topology->stall_timeout_ms =
        (uint64_t)(options_get(head, "stall_timeout")->number / NS_PER_MS);
    options_free(head);
}
