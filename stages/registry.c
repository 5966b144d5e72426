/* SPDX-License-Identifier: MIT */
#include "stages/registry.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/check.h"
#include "common/text.h"
#include "stages/stage.h"

/* The name of a function that the role of this kind requires and the kind lacks; NULL: none. */
static const char *missing_function(const struct kind *kind, const struct stage_ops *ops)
{
    if (ops->open == NULL)
        return "open";
    if (ops->close == NULL)
        return "close";
    if (kind->role == KIND_STEP)
        return ops->step == NULL ? "step" : NULL;
    if (kind->role == KIND_SOURCE && ops->read == NULL)
        return "read";
    if (kind->role == KIND_SINK && ops->write == NULL)
        return "write";
    if (ops->position == NULL)
        return "position";
    return ops->commit == NULL ? "commit" : NULL;
}

/* Ends the process if the condition is false. The message begins with the name of the kind. */
__attribute__((format(printf, 3, 4))) static void require(bool good, const struct kind *kind,
                                                          const char *format, ...)
{
    if (good)
        return;
    char what[256], text[384];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    (void)snprintf(text, sizeof text, "kind '%s' %s", kind->name, what);
    panic("requirement", text, __FILE__, __LINE__);
}

static bool is_text(const char *text)
{
    return text != NULL && *text != '\0';
}

/* Whether a text begins with a small letter and has only small letters, digits and `others`. */
static bool is_name(const char *text, const char *others)
{
    if (!is_text(text) || *text < 'a' || *text > 'z')
        return false;
    for (; *text != '\0'; text++) {
        bool plain = (*text >= 'a' && *text <= 'z') || (*text >= '0' && *text <= '9');
        if (!plain && strchr(others, *text) == NULL)
            return false;
    }
    return true;
}

static bool is_group(enum option_tag tag)
{
    return tag == OPTION_GROUP || tag == OPTION_GROUPS || tag == OPTION_FIELD_GROUPS;
}

static bool has_bounds(enum option_tag tag)
{
    return tag == OPTION_INT || tag == OPTION_SIZE || tag == OPTION_DURATION;
}

/* Whether a default could be written in a topology as a value of the option. */
static bool is_value(const struct option_spec *spec, const char *text)
{
    int64_t number = 0;
    switch (spec->tag) {
    case OPTION_INT:
        return text_parse_int(text, &number) == 0 && number >= spec->min && number <= spec->max;
    case OPTION_SIZE:
        return text_parse_size(text, &number) == 0 && number >= spec->min && number <= spec->max;
    case OPTION_DURATION:
        return text_parse_duration(text, &number) == 0 && number >= spec->min &&
               number <= spec->max;
    case OPTION_BOOL:
        return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
    case OPTION_CHOICE:
        for (size_t i = 0; spec->choices[i] != NULL; i++) {
            if (strcmp(spec->choices[i], text) == 0)
                return true;
        }
        return false;
    case OPTION_TEXT:
    case OPTION_PATH_IN:
    case OPTION_PATH_OUT:
    case OPTION_FIELD:
    case OPTION_TYPE:
        return *text != '\0';
    default:
        return false; /* lists, maps and conditions have no default */
    }
}

/* Checks all options of an array, with the path of their group before their names: "rules.". */
static void require_options(const struct kind *kind, const struct option_spec *specs,
                            const char *group)
{
    for (const struct option_spec *spec = specs; spec->name != NULL; spec++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s%s", group, spec->name);
        require(is_name(spec->name, "_"), kind,
                "has an option '%s', which should be in small letters, digits and '_'", path);
        require(option_find(specs, spec->name) == spec, kind, "has two options '%s'", path);
        require(*group != '\0' ||
                    (option_find(kind_common_options, spec->name) == NULL &&
                     strcmp(spec->name, "kind") != 0 && strcmp(spec->name, "from") != 0),
                kind, "has an option '%s', a key that all stages have", path);
        require(is_text(spec->meaning), kind, "has no .meaning of the option '%s'", path);
        bool is_choice = spec->tag == OPTION_CHOICE;
        require((spec->choices != NULL && spec->choices[0] != NULL) == is_choice, kind,
                "has %s .choices of the option '%s', whose type is %s",
                is_choice ? "no" : "useless", path, option_tag_name(spec->tag));
        require(!has_bounds(spec->tag) || spec->min < spec->max, kind,
                "has no .min and .max of the option '%s'", path);
        require((spec->members != NULL) == is_group(spec->tag), kind,
                "has %s .members of the option '%s', whose type is %s",
                is_group(spec->tag) ? "no" : "useless", path, option_tag_name(spec->tag));
        require(spec->fallback == NULL || !spec->required, kind,
                "has a .fallback of the option '%s', which is .required", path);
        require(spec->fallback == NULL || is_value(spec, spec->fallback), kind,
                "has a .fallback '%s' of the option '%s', which is not a value of it",
                spec->fallback != NULL ? spec->fallback : "", path);
        require(spec->alone == NULL ||
                    (spec->members != NULL && option_find(spec->members, spec->alone) != NULL),
                kind, "has an .alone of the option '%s', which is not one of its members", path);
        if (spec->members == NULL)
            continue;
        char inner[sizeof path + 1];
        (void)snprintf(inner, sizeof inner, "%s.", path);
        require_options(kind, spec->members, inner);
    }
}

static void require_reasons(const struct kind *kind)
{
    for (size_t i = 0; kind->reasons != NULL && kind->reasons[i] != NULL; i++) {
        const struct dead_reason *reason = kind->reasons[i];
        require(is_name(reason->text, "-"), kind,
                "has a reason '%s', which should be in small letters, digits and '-'",
                reason->text != NULL ? reason->text : "");
        require(is_text(reason->meaning), kind, "has no .meaning of the reason '%s'", reason->text);
        for (size_t k = 0; k < i; k++)
            require(strcmp(kind->reasons[k]->text, reason->text) != 0, kind,
                    "has the reason '%s' twice", reason->text);
    }
}

static void require_declaration(const struct kind *kind)
{
    const struct {
        const char *member, *text;
    } texts[] = {{"summary", kind->summary},
                 {"manual", kind->manual},
                 {"reads", kind->reads},
                 {"makes", kind->makes}};
    require(is_name(kind->name, "._"), kind,
            "has a name that is not in small letters, digits, '.' and '_'");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        require(is_text(texts[i].text), kind, "has no .%s", texts[i].member);
    require(kind->options != NULL, kind, "has no .options");
    require(kind->derive != NULL, kind, "has no .derive");
    require_options(kind, kind->options, "");
    require_reasons(kind);
    require(kind->partition != KIND_BY_KEY || option_find(kind->options, "key") != NULL, kind,
            "is KIND_BY_KEY, but has no option 'key'");
    require(kind->clock_option == NULL || option_find(kind->options, kind->clock_option) != NULL,
            kind, "has a .clock_option that is not one of its options");
}

void registry_require(kind_registry kinds)
{
    for (const struct kind_entry *entry = kinds; entry->kind != NULL; entry++)
        require_declaration(entry->kind);
    for (const struct kind_entry *entry = kinds; entry->kind != NULL; entry++) {
        const struct kind *kind = entry->kind;
        require(kind_find(kinds, kind->name) == kind, kind, "is registered twice");
        require(entry->ops != NULL || kind->program != NULL, kind,
                "has no functions and names no program that has them");
        const char *missing = entry->ops != NULL ? missing_function(kind, entry->ops) : NULL;
        require(missing == NULL, kind, "has no function %s()", missing != NULL ? missing : "");
    }
}
