/* SPDX-License-Identifier: MIT
 *
 * args: the options of one command, from a table that also makes its --help.
 */
#ifndef SHEAF_CLI_ARGS_H
#define SHEAF_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARGS_MAX_LIST 1024u /* values of one repeated option or place */

enum arg_kind {
    ARG_FLAG,  /* bool: true when given */
    ARG_TEXT,  /* const char * */
    ARG_COUNT, /* uint64_t: decimal, at least 1 */
    ARG_INDEX, /* uint64_t: decimal, 0 and more */
    ARG_LIST,  /* struct arg_list: may be given several times */
    ARG_WORD,  /* const char *: not an option but a place: SWEEP.yaml. Places are filled in the table's order */
    ARG_WORDS, /* struct arg_list: the last place, which takes all words that are left, or none */
};

struct arg_list {
    const char *values[ARGS_MAX_LIST];
    uint32_t n;
};

struct arg {
    const char *name; /* "--slots", "-o"; a place: "SWEEP.yaml" */
    enum arg_kind kind;
    void *to;          /* what kind says; left alone when the option is not given */
    bool *given;       /* set true when it is; may be NULL */
    const char *value; /* what --help calls the value; NULL for flags and places */
    const char *help;
    bool required; /* places only */
};

struct args {
    const char *command; /* "run" */
    const char *summary; /* one or more lines for --help */
    const struct arg *at;
    size_t n;
};

enum args_result {
    ARGS_GO,    /* everything is in place */
    ARGS_HELP,  /* --help was asked for and printed: exit 0 */
    ARGS_WRONG, /* one line is on stderr: exit 2 */
};

/* Reads argv[1 .. argc). "--name value" and "--name=value" are the same; "--" ends the options. */
enum args_result args_parse(const struct args *a, int argc, char **argv);

#endif
