/* SPDX-License-Identifier: MIT */
#include "topology/settings.h"

#include <string.h>

#include "common/text.h"

bool settings_split(const char *text, struct setting_parts *ret_parts)
{
    const char *dot = strchr(text, '.');
    const char *equals = strchr(text, '=');
    if (dot == NULL || equals == NULL || dot == text || equals <= dot + 1)
        return false;
    *ret_parts = (struct setting_parts){.stage = text,
                                        .stage_len = (size_t)(dot - text),
                                        .option = dot + 1,
                                        .option_len = (size_t)(equals - dot - 1),
                                        .value = equals + 1};
    return true;
}

int settings_add(struct settings *settings, const char *text, struct err *e)
{
    struct setting_parts parts;
    if (strlen(text) > SETTING_BYTES_MAX)
        return err_set(e, ERR_INVALID, "--set takes at most %u bytes; '%.40s…' has %zu",
                       SETTING_BYTES_MAX, text, strlen(text));
    if (!settings_split(text, &parts))
        return err_set(e, ERR_INVALID, "--set takes STAGE.OPTION=VALUE, not '%.200s'", text);
    size_t key_len = (size_t)(parts.value - text);
    const char *bad = text_not_plain(text);
    if (bad != NULL)
        return err_set(e, ERR_INVALID, "--set %.*s: it %s; a setting must be plain text",
                       (int)(key_len - 1), text, bad);
    for (size_t i = 0; i < settings->count; i++) {
        if (strncmp(settings->items[i], text, key_len) == 0)
            return err_set(e, ERR_INVALID, "--set sets '%.*s' twice", (int)(key_len - 1), text);
    }
    if (settings->count == SETTINGS_MAX)
        return err_set(e, ERR_RANGE, "--set is given more than %u times", SETTINGS_MAX);
    settings->items[settings->count++] = text;
    return 0;
}

bool settings_is_for(const char *text, const char *stage, const char *option)
{
    struct setting_parts parts;
    return settings_split(text, &parts) && strlen(stage) == parts.stage_len &&
           strlen(option) == parts.option_len &&
           strncmp(parts.stage, stage, parts.stage_len) == 0 &&
           strncmp(parts.option, option, parts.option_len) == 0;
}
