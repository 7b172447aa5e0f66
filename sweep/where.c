/* SPDX-License-Identifier: MIT
 *
 * where: evaluation of a constraint's program on a small stack.
 */
#include "sweep/where_code.h"

#include <stdlib.h>
#include <string.h>

static struct where_value of_float(double f)
{
    return (struct where_value){.f = f};
}

static struct where_value of_int(int64_t i)
{
    return (struct where_value){.f = (double)i, .i = i, .is_int = true};
}

static double not_a_number(void)
{
    const uint64_t bits = (uint64_t)0x7ff8 << 48;
    double x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

static struct where_value of_param(const struct sheaf_value *v, uint32_t type)
{
    switch (type) {
    case SHEAF_FLOAT:
        return of_float(v->f);
    case SHEAF_CHOICE:
    case SHEAF_TEXT:
        return (struct where_value){.text = v->text};
    default:
        return of_int(v->i);
    }
}

/* Ints stay ints unless they overflow. */
static struct where_value arithmetic(enum where_op op, const struct where_value *a, const struct where_value *b)
{
    int64_t r;
    bool ints = a->is_int && b->is_int;
    switch (op) {
    case WHERE_ADD:
        return ints && !__builtin_add_overflow(a->i, b->i, &r) ? of_int(r) : of_float(a->f + b->f);
    case WHERE_SUB:
        return ints && !__builtin_sub_overflow(a->i, b->i, &r) ? of_int(r) : of_float(a->f - b->f);
    case WHERE_MUL:
        return ints && !__builtin_mul_overflow(a->i, b->i, &r) ? of_int(r) : of_float(a->f * b->f);
    default:
        return of_float(a->f / b->f);
    }
}

static struct where_value modulo(const struct where_value *a, const struct where_value *b)
{
    if (!a->is_int || !b->is_int || b->i == 0) /* an operand may have overflowed to a float */
        return of_float(not_a_number());
    if (b->i == -1)
        return of_int(0); /* INT64_MIN % -1 traps */
    int64_t r = a->i % b->i;
    return of_int(r != 0 && (r < 0) != (b->i < 0) ? r + b->i : r);
}

static bool less(const struct where_value *a, const struct where_value *b)
{
    return a->is_int && b->is_int ? a->i < b->i : a->f < b->f;
}

static bool equal(const struct where_value *a, const struct where_value *b)
{
    return a->is_int && b->is_int ? a->i == b->i : a->f == b->f;
}

static struct where_value lesser(const struct where_value *a, const struct where_value *b)
{
    if (a->f != a->f || b->f != b->f)
        return of_float(not_a_number());
    return less(b, a) ? *b : *a;
}

static struct where_value greater(const struct where_value *a, const struct where_value *b)
{
    if (a->f != a->f || b->f != b->f)
        return of_float(not_a_number());
    return less(a, b) ? *b : *a;
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

static struct where_value binary(enum where_op op, const struct where_value *a, const struct where_value *b)
{
    switch (op) {
    case WHERE_ADD:
    case WHERE_SUB:
    case WHERE_MUL:
    case WHERE_DIV:
        return arithmetic(op, a, b);
    case WHERE_MOD:
        return modulo(a, b);
    case WHERE_MIN:
        return lesser(a, b);
    case WHERE_MAX:
        return greater(a, b);
    default:
        return of_int(compare(op, a, b));
    }
}

static struct where_value unary(enum where_op op, const struct where_value *a)
{
    if (op == WHERE_NOT)
        return of_int(!a->i);
    if (op == WHERE_ABS && !(a->f < 0))
        return *a;
    return a->is_int && a->i != INT64_MIN ? of_int(-a->i) : of_float(-a->f);
}

bool where_holds(const struct where *w, const struct sheaf_value *values)
{
    struct where_value stack[WHERE_STACK];
    uint32_t n = 0;
    for (uint32_t k = 0; k < w->n_steps; k++) {
        const struct where_step *s = &w->steps[k];
        if (s->op == WHERE_CONST) {
            stack[n++] = s->value;
        } else if (s->op == WHERE_PARAM) {
            stack[n++] = of_param(&values[s->param], s->type);
        } else if (s->op < WHERE_ADD) {
            stack[n - 1] = unary(s->op, &stack[n - 1]);
        } else {
            n--;
            stack[n - 1] = binary(s->op, &stack[n - 1], &stack[n]);
        }
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
    free(w);
}
