/* SPDX-License-Identifier: MIT
 *
 * templates: the files of `sheaf plugin new`, embedded at build time (sdk/embed.cmake). @NAME@ in path or text stands for
 * the plugin's name.
 */
#ifndef SHEAF_SDK_TEMPLATES_H
#define SHEAF_SDK_TEMPLATES_H

#include <stddef.h>

struct sheaf_template {
    const char *path; /* in the new folder: "@NAME@.c", "sheaf/plugin.h" */
    const unsigned char *bytes;
    size_t size;
};

extern const struct sheaf_template sheaf_templates[];
extern const size_t sheaf_n_templates;

#endif
