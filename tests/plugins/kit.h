/* SPDX-License-Identifier: MIT
 *
 * kit: what the test plugins would otherwise repeat. Not part of the SDK.
 */
#ifndef SHEAF_TESTS_PLUGINS_KIT_H
#define SHEAF_TESTS_PLUGINS_KIT_H

#include "sheaf/plugin.h"

#define COUNT(a) ((uint32_t)(sizeof(a) / sizeof((a)[0])))
#define NO_LIMITS .min = 1, .max = 0

#define PARAM_FLOAT(name_, def_, help_)                                                                                \
    {                                                                                                                  \
        .name = (name_), .type = SHEAF_FLOAT, .def = {.f = (def_)}, NO_LIMITS, .unit = "", .help = (help_)             \
    }
#define PARAM_INT(name_, def_, min_, max_, help_)                                                                      \
    {                                                                                                                  \
        .name = (name_), .type = SHEAF_INT, .def = {.f = (def_), .i = (def_)}, .min = (min_), .max = (max_),           \
        .unit = "", .help = (help_)                                                                                    \
    }
#define PARAM_BOOL(name_, def_, help_)                                                                                 \
    {                                                                                                                  \
        .name = (name_), .type = SHEAF_BOOL, .def = {.i = (def_)}, NO_LIMITS, .unit = "", .help = (help_)              \
    }

/* The entry of a plugin whose functions are called describe, open_plugin, run and close_plugin. */
#define KIT_ENTRY                                                                                                      \
    const struct sheaf_plugin sheaf_plugin_entry = {                                                                   \
        .abi_major = SHEAF_ABI_MAJOR,                                                                                  \
        .abi_minor = SHEAF_ABI_MINOR,                                                                                  \
        .struct_size = (uint32_t)sizeof(struct sheaf_plugin),                                                          \
        .describe = describe,                                                                                          \
        .open = open_plugin,                                                                                           \
        .run = run,                                                                                                    \
        .close = close_plugin,                                                                                         \
    }

/* open and close of a plugin without state. */
#define KIT_STATELESS                                                                                                  \
    static int32_t open_plugin(const struct sheaf_host *host, const char *config, const struct sheaf_dataset *dataset, \
                               void **state)                                                                           \
    {                                                                                                                  \
        (void)host, (void)config, (void)dataset, (void)state;                                                          \
        return SHEAF_OK_STATUS;                                                                                        \
    }                                                                                                                  \
    static void close_plugin(const struct sheaf_host *host, void *state)                                               \
    {                                                                                                                  \
        (void)host, (void)state;                                                                                       \
    }

/* describe of a plugin whose tables are called params and scores. */
#define KIT_DESCRIBE(name_, summary_)                                                                                  \
    static int32_t describe(const struct sheaf_host *host, const char *config, struct sheaf_descriptor *out)           \
    {                                                                                                                  \
        (void)host, (void)config;                                                                                      \
        out->name = (name_), out->version = "1", out->summary = (summary_);                                            \
        out->params = params, out->n_params = COUNT(params);                                                           \
        out->scores = scores, out->n_scores = COUNT(scores);                                                           \
        return SHEAF_OK_STATUS;                                                                                        \
    }

#endif
