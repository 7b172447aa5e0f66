/* SPDX-License-Identifier: MIT
 *
 * again: see again.h. How many slots a run had, or how it printed, is not the sweep's affair.
 */
#include "cli/again.h"

#include <string.h>

static const char harmless[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./,:@%";

static int add(struct buf *out, const char *text)
{
    return buf_append(out, text, strlen(text));
}

/* A word of a shell's: as it is, or between single quotes, which are the only thing that needs care there. */
static int add_word(struct buf *out, const char *word)
{
    if (word[0] != '\0' && strspn(word, harmless) == strlen(word))
        return add(out, word);
    int err = add(out, "'");
    for (const char *p = word; err == SHEAF_OK && *p != '\0'; p++)
        err = *p == '\'' ? add(out, "'\\''") : buf_append(out, p, 1);
    return err == SHEAF_OK ? add(out, "'") : err;
}

static int add_option(struct buf *out, const char *name, const char *value)
{
    if (value == NULL)
        return SHEAF_OK;
    int err = add(out, name);
    return err == SHEAF_OK ? add_word(out, value) : err;
}

int again_command(const struct run_options *o, struct buf *out)
{
    int err = add_option(out, "sheaf run ", o->path);
    for (uint32_t i = 0; err == SHEAF_OK && i < o->overrides.n_set; i++)
        err = add_option(out, " --set ", o->overrides.set[i]);
    if (err == SHEAF_OK)
        err = add_option(out, " --seed ", o->overrides.seed);
    if (err == SHEAF_OK)
        err = add_option(out, " --limit ", o->overrides.limit);
    if (err == SHEAF_OK)
        err = add_option(out, " --verify ", o->overrides.verify);
    if (err == SHEAF_OK && o->overrides.overwrite)
        err = add(out, " --overwrite");
    if (err == SHEAF_OK)
        err = add_option(out, " --state ", o->state);
    if (err == SHEAF_OK)
        err = add_option(out, " --broker ", o->broker);
    return err == SHEAF_OK ? buf_append(out, "", 1) : err;
}
