/* SPDX-License-Identifier: MIT
 *
 * args: getopt_long would do the splitting, but neither the help nor the error lines, so all of it is here.
 */
#include "cli/args.h"
#include "cli/exit.h"
#include "sweep/suggest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_place(const struct arg *o)
{
    return o->kind == ARG_WORD || o->kind == ARG_WORDS;
}

static void print_usage(const struct args *a)
{
    printf("usage: sheaf %s", a->command);
    for (size_t i = 0; i < a->n; i++)
        if (is_place(&a->at[i]))
            printf(a->at[i].required ? " %s%s" : " [%s%s]", a->at[i].name, a->at[i].kind == ARG_WORDS ? " ..." : "");
    printf(" [OPTIONS]\n%s\n\n", a->summary);
    for (size_t i = 0; i < a->n; i++) {
        const struct arg *o = &a->at[i];
        char left[64];
        (void)snprintf(left, sizeof left, "%s%s%s", o->name, o->value != NULL ? " " : "",
                       o->value != NULL ? o->value : "");
        printf("  %-22s  %s\n", left, o->help);
    }
    printf("  %-22s  %s\n", "--help", "this text");
}

static const struct arg *find_option(const struct args *a, const char *name, size_t len)
{
    for (size_t i = 0; i < a->n; i++)
        if (!is_place(&a->at[i]) && strlen(a->at[i].name) == len && strncmp(a->at[i].name, name, len) == 0)
            return &a->at[i];
    return NULL;
}

static enum args_result unknown_option(const struct args *a, const char *word, size_t len)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%.*s", (int)(len < 63 ? len : 63), word);
    struct suggest s;
    suggest_begin(&s, name);
    for (size_t i = 0; i < a->n; i++)
        if (!is_place(&a->at[i]))
            suggest_offer(&s, a->at[i].name);
    suggest_offer(&s, "--help");
    (void)exit_usage("%s has no option %s; %s", a->command, name, suggest_advice(&s));
    return ARGS_WRONG;
}

/* Decimal digits only: no sign, no blank, no overflow. */
static bool parse_number(const char *text, uint64_t *out)
{
    if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text))
        return false;
    errno = 0;
    uint64_t v = strtoull(text, NULL, 10);
    if (errno != 0)
        return false;
    *out = v;
    return true;
}

static enum args_result store_number(const struct args *a, const struct arg *o, const char *text)
{
    uint64_t least = o->kind == ARG_COUNT ? 1 : 0, v;
    if (!parse_number(text, &v) || v < least) {
        (void)exit_usage("%s %s: '%s' is not a whole number from %u up", a->command, o->name, text, (unsigned)least);
        return ARGS_WRONG;
    }
    *(uint64_t *)o->to = v;
    return ARGS_GO;
}

static enum args_result store_value(const struct args *a, const struct arg *o, const char *text)
{
    if (o->given != NULL)
        *o->given = true;
    if (o->kind == ARG_COUNT || o->kind == ARG_INDEX)
        return store_number(a, o, text);
    if (o->kind == ARG_LIST || o->kind == ARG_WORDS) {
        struct arg_list *l = o->to;
        if (l->n == ARGS_MAX_LIST) {
            (void)exit_usage("%s takes at most %u %s", a->command, ARGS_MAX_LIST, o->name);
            return ARGS_WRONG;
        }
        l->values[l->n++] = text;
        return ARGS_GO;
    }
    *(const char **)o->to = text;
    return ARGS_GO;
}

/* One option at argv[*i]; moves *i on when its value is a word of its own. */
static enum args_result parse_option(const struct args *a, int argc, char **argv, int *i)
{
    const char *word = argv[*i], *eq = strchr(word, '=');
    size_t len = eq != NULL ? (size_t)(eq - word) : strlen(word);
    const struct arg *o = find_option(a, word, len);
    if (o == NULL)
        return unknown_option(a, word, len);
    if (o->kind == ARG_FLAG) {
        if (eq != NULL) {
            (void)exit_usage("%s %s takes no value", a->command, o->name);
            return ARGS_WRONG;
        }
        *(bool *)o->to = true;
        return ARGS_GO;
    }
    if (eq != NULL)
        return store_value(a, o, eq + 1);
    if (*i + 1 >= argc) {
        (void)exit_usage("%s %s wants a value: %s %s", a->command, o->name, o->name, o->value);
        return ARGS_WRONG;
    }
    return store_value(a, o, argv[++*i]);
}

static const struct arg *nth_word(const struct args *a, size_t nth)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->at[i].kind == ARG_WORDS || (a->at[i].kind == ARG_WORD && nth-- == 0))
            return &a->at[i];
    return NULL;
}

enum args_result args_parse(const struct args *a, int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_usage(a);
            return ARGS_HELP;
        }
    size_t words = 0;
    bool options = true;
    for (int i = 1; i < argc; i++) {
        if (options && strcmp(argv[i], "--") == 0) {
            options = false;
            continue;
        }
        enum args_result r = ARGS_GO;
        if (options && argv[i][0] == '-' && argv[i][1] != '\0') {
            r = parse_option(a, argc, argv, &i);
        } else {
            const struct arg *o = nth_word(a, words++);
            if (o == NULL) {
                (void)exit_usage("%s: '%s' is one word too many; see sheaf %s --help", a->command, argv[i], a->command);
                return ARGS_WRONG;
            }
            r = store_value(a, o, argv[i]);
        }
        if (r != ARGS_GO)
            return r;
    }
    const struct arg *missing = nth_word(a, words);
    if (missing != NULL && missing->required) {
        (void)exit_usage("%s wants %s; see sheaf %s --help", a->command, missing->name, a->command);
        return ARGS_WRONG;
    }
    return ARGS_GO;
}
