/* SPDX-License-Identifier: MIT
 *
 * where_code: the postfix program between the parser of a constraint (where_parse.c) and its evaluation (where.c).
 * Types are settled by the parser, so the program never meets a text where it expects a number.
 */
#ifndef SHEAF_SWEEP_WHERE_CODE_H
#define SHEAF_SWEEP_WHERE_CODE_H

#include "sweep/where.h"

#include "common/arena.h"

#define WHERE_STACK 96u /* values on the stack at once */
#define WHERE_OPS 4096u /* operations of one program */
#define WHERE_DEPTH 64u /* nested parentheses, signs and nots */

enum where_op {
    WHERE_CONST, /* pushes .value */
    WHERE_PARAM, /* pushes parameter .param as its type says */
    WHERE_NEG,
    WHERE_ABS,
    WHERE_NOT,
    WHERE_ADD, /* from here on: two operands, one result */
    WHERE_SUB,
    WHERE_MUL,
    WHERE_DIV,
    WHERE_MOD,
    WHERE_MIN,
    WHERE_MAX,
    WHERE_LT,
    WHERE_LE,
    WHERE_GT,
    WHERE_GE,
    WHERE_EQ,
    WHERE_NE,
    WHERE_SAME_TEXT,
    WHERE_OTHER_TEXT,
    WHERE_AND,
    WHERE_OR,
};

/* A value on the stack. Bools are the ints 0 and 1. */
struct where_value {
    double f; /* always the number, rounded when it is an int beyond 2^53 */
    int64_t i;
    bool is_int;
    const char *text;
};

struct where_step {
    enum where_op op;
    uint32_t param;
    uint32_t type; /* SHEAF_INT ..., of the parameter */
    struct where_value value;
};

struct where {
    struct where_step *steps;
    uint32_t n_steps;
    struct where_value *stack; /* WHERE_STACK values, for evaluation */
    struct arena arena;        /* holds text literals */
};

/* Allocates and fills w->steps and w->stack. 0, or SHEAF_EINVAL / SHEAF_ENOMEM / SHEAF_ELIMIT with a line in d. */
int where_parse(struct where *w, const char *text, const struct plan_plugin *plugin, struct diag *d);

#endif
