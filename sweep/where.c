/* SPDX-License-Identifier: MIT
 *
 * where: evaluation of a constraint's program on a small stack.
 */
#include "sweep/where_code.h"

#include <stdlib.h>
#include <string.h>

/* Values are written and read member by member: copying them whole would read back as vectors what was just stored in
 * pieces, and stall on every step. */
static void set_float(struct where_value *v, double f)
{
    v->f = f;
    v->is_int = false;
}

static void set_int(struct where_value *v, int64_t i)
{
    v->f = (double)i;
    v->i = i;
    v->is_int = true;
}

static double not_a_number(void)
{
    const uint64_t bits = (uint64_t)0x7ff8 << 48;
    double x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

static void push(struct where_value *v, const struct where_step *s, const struct sheaf_value *values)
{
    if (s->op == WHERE_CONST) {
        v->f = s->value.f;
        v->i = s->value.i;
        v->is_int = s->value.is_int;
        v->text = s->value.text;
        return;
    }
    const struct sheaf_value *p = &values[s->param];
    switch (s->type) {
    case SHEAF_FLOAT:
        set_float(v, p->f);
        break;
    case SHEAF_CHOICE:
    case SHEAF_TEXT:
        v->text = p->text;
        break;
    default:
        set_int(v, p->i);
    }
}

static bool both_ints(const struct where_value *a, const struct where_value *b)
{
    return a->is_int && b->is_int;
}

static bool fits(enum where_op op, int64_t a, int64_t b, int64_t *r)
{
    switch (op) {
    case WHERE_ADD:
        return !__builtin_add_overflow(a, b, r);
    case WHERE_SUB:
        return !__builtin_sub_overflow(a, b, r);
    default:
        return !__builtin_mul_overflow(a, b, r);
    }
}

/* a = a op b; ints stay ints unless they overflow. */
static void arithmetic(enum where_op op, struct where_value *a, const struct where_value *b)
{
    int64_t r;
    if (op == WHERE_DIV)
        set_float(a, a->f / b->f);
    else if (both_ints(a, b) && fits(op, a->i, b->i, &r))
        set_int(a, r);
    else
        set_float(a, op == WHERE_ADD ? a->f + b->f : op == WHERE_SUB ? a->f - b->f : a->f * b->f);
}

static void modulo(struct where_value *a, const struct where_value *b)
{
    if (!both_ints(a, b) || b->i == 0) { /* an operand may have overflowed to a float */
        set_float(a, not_a_number());
    } else if (b->i == -1) {
        set_int(a, 0); /* INT64_MIN % -1 traps */
    } else {
        int64_t r = a->i % b->i;
        set_int(a, r != 0 && (r < 0) != (b->i < 0) ? r + b->i : r);
    }
}

static bool less(const struct where_value *a, const struct where_value *b)
{
    return both_ints(a, b) ? a->i < b->i : a->f < b->f;
}

static bool equal(const struct where_value *a, const struct where_value *b)
{
    return both_ints(a, b) ? a->i == b->i : a->f == b->f;
}

/* a = the smaller or the larger of both. */
static void choose(enum where_op op, struct where_value *a, const struct where_value *b)
{
    if (a->f != a->f || b->f != b->f)
        set_float(a, not_a_number());
    else if (op == WHERE_MIN ? less(b, a) : less(a, b))
        *a = *b;
}

static bool compare(enum where_op op, const struct where_value *a, const struct where_value *b)
{
    switch (op) {
    case WHERE_LT:
        return less(a, b);
    case WHERE_LE:
        return less(a, b) || equal(a, b);
    case WHERE_GT:
        return less(b, a);
    case WHERE_GE:
        return less(b, a) || equal(a, b);
    case WHERE_EQ:
        return equal(a, b);
    case WHERE_NE:
        return !equal(a, b);
    case WHERE_SAME_TEXT:
        return strcmp(a->text, b->text) == 0;
    case WHERE_OTHER_TEXT:
        return strcmp(a->text, b->text) != 0;
    case WHERE_AND:
        return a->i && b->i;
    default:
        return a->i || b->i;
    }
}

static void binary(enum where_op op, struct where_value *a, const struct where_value *b)
{
    switch (op) {
    case WHERE_ADD:
    case WHERE_SUB:
    case WHERE_MUL:
    case WHERE_DIV:
        arithmetic(op, a, b);
        break;
    case WHERE_MOD:
        modulo(a, b);
        break;
    case WHERE_MIN:
    case WHERE_MAX:
        choose(op, a, b);
        break;
    default:
        set_int(a, compare(op, a, b));
    }
}

static void unary(enum where_op op, struct where_value *a)
{
    if (op == WHERE_NOT)
        set_int(a, !a->i);
    else if (op == WHERE_ABS && !(a->f < 0))
        return;
    else if (a->is_int && a->i != INT64_MIN)
        set_int(a, -a->i);
    else
        set_float(a, -a->f);
}

bool where_holds(const struct where *w, const struct sheaf_value *values)
{
    struct where_value *stack = w->stack;
    uint32_t n = 0;
    for (uint32_t k = 0; k < w->n_steps; k++) {
        const struct where_step *s = &w->steps[k];
        if (s->op <= WHERE_PARAM)
            push(&stack[n++], s, values);
        else if (s->op < WHERE_ADD)
            unary(s->op, &stack[n - 1]);
        else
            binary(s->op, &stack[n - 2], &stack[n - 1]);
        n -= s->op >= WHERE_ADD;
    }
    return stack[0].i != 0;
}

struct where *where_compile(const char *text, const struct plan_plugin *plugin, struct diag *d)
{
    struct where *w = calloc(1, sizeof(*w));
    if (!w) {
        diag_fail(d, SHEAF_ENOMEM, "out of memory");
        return NULL;
    }
    arena_init(&w->arena, 0);
    if (where_parse(w, text, plugin, d) != SHEAF_OK) {
        where_destroy(w);
        return NULL;
    }
    return w;
}

void where_destroy(struct where *w)
{
    if (!w)
        return;
    arena_finish(&w->arena);
    free(w->steps);
    free(w->stack);
    free(w);
}
