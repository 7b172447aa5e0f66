/* SPDX-License-Identifier: MIT
 *
 * where_parse: recursive descent from a constraint's text to its program, with the type of every part known at once, so
 * that "top_n and fast" or "weighting < 3" is refused before any trial is looked at.
 *
 *     condition  = conjunct { "or" conjunct }
 *     conjunct   = negation { "and" negation }
 *     negation   = "not" negation | comparison
 *     comparison = sum { ("<" | "<=" | ">" | ">=" | "==" | "!=") sum }
 *     sum        = product { ("+" | "-") product }
 *     product    = sign { ("*" | "/" | "%") sign }
 *     sign       = ("-" | "+") sign | primary
 *     primary    = number | text | "true" | "false" | name | function "(" sum { "," sum } ")" | "(" condition ")"
 *
 * Every function reports at most one error and then unwinds with false.
 */
#include "sweep/suggest.h"
#include "sweep/where_code.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum type { T_INT, T_FLOAT, T_TEXT, T_BOOL };

static const char *const type_names[] = {"an int", "a float", "a text", "a condition"};

/* A part of the text that has been compiled. */
struct part {
    enum type type;
    const char *at;             /* where it begins */
    uint32_t first;             /* its first step */
    const struct plan_param *p; /* it is this parameter and nothing else, or NULL */
    const char *literal;        /* it is this text literal and nothing else, or NULL */
};

struct parser {
    struct where *w;
    const struct plan_plugin *plugin;
    struct diag *d;
    const char *text, *at;
    uint32_t depth, stack;
    int rc;
};

static bool condition(struct parser *p, struct part *out);
static bool sum(struct parser *p, struct part *out);

/* Counted from 1, in characters. */
static size_t column_of(const struct parser *p, const char *at)
{
    size_t column = 1;
    for (const char *c = p->text; c < at; c++)
        column += ((unsigned char)*c & 0xC0) != 0x80;
    return column;
}

static bool fail(struct parser *p, const char *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static bool fail(struct parser *p, const char *at, const char *fmt, ...)
{
    struct diag why = {""};
    va_list ap;
    va_start(ap, fmt);
    diag_vfail(&why, SHEAF_EINVAL, fmt, ap);
    va_end(ap);
    p->rc = diag_fail(p->d, SHEAF_EINVAL, "column %zu: %s", column_of(p, at), why.text);
    return false;
}

static void skip_blanks(struct parser *p)
{
    while (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r')
        p->at++;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static size_t name_length(const char *s)
{
    if (!is_name_start(*s))
        return 0;
    size_t n = 1;
    while (is_name_start(s[n]) || is_digit(s[n]) || s[n] == '.')
        n++;
    return n;
}

/* Takes the symbol when it comes next. */
static bool accept(struct parser *p, const char *symbol)
{
    skip_blanks(p);
    size_t n = strlen(symbol);
    if (strncmp(p->at, symbol, n) != 0)
        return false;
    p->at += n;
    return true;
}

static bool accept_word(struct parser *p, const char *word)
{
    skip_blanks(p);
    size_t n = name_length(p->at);
    if (n != strlen(word) || memcmp(p->at, word, n) != 0)
        return false;
    p->at += n;
    return true;
}

static bool enter(struct parser *p)
{
    return ++p->depth <= WHERE_DEPTH || fail(p, p->at, "nested too deeply; write several constraints instead");
}

static bool emit(struct parser *p, struct where_step step)
{
    uint32_t stack = p->stack + (step.op <= WHERE_PARAM) - (step.op >= WHERE_ADD);
    if (p->w->n_steps >= WHERE_OPS || stack > WHERE_STACK)
        return fail(p, p->at, "the constraint is too long; write several instead");
    p->stack = stack;
    p->w->steps[p->w->n_steps++] = step;
    return true;
}

static bool emit_op(struct parser *p, enum where_op op)
{
    return emit(p, (struct where_step){.op = op});
}

static bool is_number(const struct part *x)
{
    return x->type == T_INT || x->type == T_FLOAT;
}

static bool want_number(struct parser *p, const struct part *x, const char *what)
{
    return is_number(x) || fail(p, x->at, "%s needs numbers, this is %s", what, type_names[x->type]);
}

static bool want_condition(struct parser *p, const struct part *x, const char *what)
{
    return x->type == T_BOOL ||
           fail(p, x->at, "%s needs conditions, this is %s; compare it with something", what, type_names[x->type]);
}

static bool number(struct parser *p, struct part *out)
{
    const char *s = p->at;
    size_t n = 0;
    bool whole = true;
    while (is_digit(s[n]) || s[n] == '.') {
        whole = whole && s[n] != '.';
        n++;
    }
    if (s[n] == 'e' || s[n] == 'E') {
        size_t digits = n + 1 + (s[n + 1] == '+' || s[n + 1] == '-');
        whole = false;
        for (n = digits; is_digit(s[n]);)
            n++;
    }
    char *end, copy[64];
    if (n >= sizeof(copy))
        return fail(p, s, "the number has too many digits");
    memcpy(copy, s, n);
    copy[n] = 0;
    struct where_value v = {.f = strtod(copy, &end)};
    if (end != copy + n || name_length(s + n) > 0)
        return fail(p, s, "this is no number");
    errno = 0;
    int64_t i = whole ? strtoll(copy, NULL, 10) : 0;
    v.is_int = whole && errno == 0; /* too large for 64 bits: a float */
    v.i = v.is_int ? i : 0;
    out->type = v.is_int ? T_INT : T_FLOAT;
    p->at = s + n;
    return emit(p, (struct where_step){.op = WHERE_CONST, .value = v});
}

static bool text_literal(struct parser *p, struct part *out)
{
    char quote = *p->at;
    const char *end = strchr(p->at + 1, quote);
    if (!end)
        return fail(p, p->at, "the text that begins here has no closing %c", quote);
    const char *copy = arena_text(&p->w->arena, p->at + 1, (size_t)(end - p->at - 1));
    if (!copy) {
        p->rc = diag_fail(p->d, SHEAF_ENOMEM, "out of memory");
        return false;
    }
    p->at = end + 1;
    out->type = T_TEXT;
    out->literal = copy;
    return emit(p, (struct where_step){.op = WHERE_CONST, .value = {.text = copy}});
}

static bool parameter(struct parser *p, struct part *out)
{
    size_t n = name_length(p->at);
    for (uint32_t i = 0; i < p->plugin->n_params; i++) {
        const struct plan_param *param = &p->plugin->params[i];
        if (strlen(param->name) != n || memcmp(param->name, p->at, n) != 0)
            continue;
        p->at += n;
        out->p = param;
        out->type = param->type == SHEAF_INT     ? T_INT
                    : param->type == SHEAF_FLOAT ? T_FLOAT
                    : param->type == SHEAF_BOOL  ? T_BOOL
                                                 : T_TEXT;
        return emit(p, (struct where_step){.op = WHERE_PARAM, .param = i, .type = param->type});
    }
    int shown = (int)(n < 100 ? n : 100);
    if (p->at[n + strspn(p->at + n, " \t")] == '(')
        return fail(p, p->at, "there is no function '%.*s', but abs, min and max", shown, p->at);
    return fail(p, p->at, "the plugin has no parameter '%.*s' (texts need quotes)", shown, p->at);
}

static bool call(struct parser *p, const char *name, enum where_op op, struct part *out)
{
    struct part x;
    uint32_t n = 0;
    out->type = T_INT;
    do {
        if (!sum(p, &x) || !want_number(p, &x, name))
            return false;
        if (x.type == T_FLOAT)
            out->type = T_FLOAT;
        if (n++ > 0 && op != WHERE_ABS && !emit_op(p, op))
            return false;
    } while (accept(p, ","));
    if (!accept(p, ")"))
        return fail(p, p->at, "a ')' is missing after the arguments of %s", name);
    if (op == WHERE_ABS)
        return n == 1 ? emit_op(p, op) : fail(p, out->at, "abs takes one number");
    return true;
}

/* A function's name counts as one only before '(': a parameter may be called "min". */
static bool function(struct parser *p, struct part *out, bool *found)
{
    static const struct {
        const char *name;
        enum where_op op;
    } functions[] = {{"abs", WHERE_ABS}, {"min", WHERE_MIN}, {"max", WHERE_MAX}};
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        const char *before = p->at;
        if (accept_word(p, functions[i].name) && accept(p, "(")) {
            *found = true;
            return call(p, functions[i].name, functions[i].op, out);
        }
        p->at = before;
    }
    *found = false;
    return true;
}

static bool constant_bool(struct parser *p, struct part *out, bool value)
{
    out->type = T_BOOL;
    return emit(p, (struct where_step){.op = WHERE_CONST, .value = {.f = value, .i = value, .is_int = true}});
}

/* Other languages' operators get a hint; a character of several bytes is shown whole. */
static bool misplaced(struct parser *p)
{
    static const struct {
        char c;
        const char *hint;
    } hints[] = {{'&', ", write and"}, {'|', ", write or"}, {'!', ", write not"}};
    int n = 1;
    while (((unsigned char)p->at[n] & 0xC0) == 0x80)
        n++;
    const char *hint = "";
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
        if (*p->at == hints[i].c)
            hint = hints[i].hint;
    return fail(p, p->at, "'%.*s' does not belong here%s", n, p->at, hint);
}

static bool primary(struct parser *p, struct part *out)
{
    skip_blanks(p);
    *out = (struct part){.at = p->at, .first = p->w->n_steps};
    if (is_digit(*p->at) || (*p->at == '.' && is_digit(p->at[1])))
        return number(p, out);
    if (*p->at == '"' || *p->at == '\'')
        return text_literal(p, out);
    if (accept(p, "(")) {
        struct part inner;
        if (!enter(p) || !condition(p, &inner))
            return false;
        p->depth--;
        out->type = inner.type;
        return accept(p, ")") || fail(p, p->at, "a ')' is missing");
    }
    bool found;
    if (!function(p, out, &found) || found)
        return found && p->rc == SHEAF_OK;
    if (accept_word(p, "true"))
        return constant_bool(p, out, true);
    if (accept_word(p, "false"))
        return constant_bool(p, out, false);
    if (name_length(p->at) > 0)
        return parameter(p, out);
    if (!*p->at)
        return fail(p, p->at, "the constraint ends too early");
    return misplaced(p);
}

static bool sign(struct parser *p, struct part *out)
{
    skip_blanks(p);
    const char *at = p->at;
    uint32_t first = p->w->n_steps;
    bool minus = accept(p, "-");
    if (!minus && !accept(p, "+"))
        return primary(p, out);
    if (!enter(p) || !sign(p, out) || !want_number(p, out, minus ? "-" : "+"))
        return false;
    p->depth--;
    *out = (struct part){.type = out->type, .at = at, .first = first};
    return minus ? emit_op(p, WHERE_NEG) : true;
}

static bool combine(struct parser *p, struct part *left, const struct part *right, enum where_op op, const char *name)
{
    if (!want_number(p, left, name) || !want_number(p, right, name))
        return false;
    bool ints = left->type == T_INT && right->type == T_INT;
    if (op == WHERE_MOD && !ints)
        return fail(p, left->type == T_INT ? right->at : left->at, "%% takes ints, this is a float");
    *left = (struct part){.type = ints && op != WHERE_DIV ? T_INT : T_FLOAT, .at = left->at, .first = left->first};
    return emit_op(p, op);
}

static bool product(struct parser *p, struct part *out)
{
    if (!sign(p, out))
        return false;
    for (;;) {
        enum where_op op;
        const char *name;
        if (accept(p, name = "*"))
            op = WHERE_MUL;
        else if (accept(p, name = "/"))
            op = WHERE_DIV;
        else if (accept(p, name = "%"))
            op = WHERE_MOD;
        else
            return true;
        struct part right;
        if (!sign(p, &right) || !combine(p, out, &right, op, name))
            return false;
    }
}

static bool sum(struct parser *p, struct part *out)
{
    if (!product(p, out))
        return false;
    for (;;) {
        bool plus = accept(p, "+");
        if (!plus && !accept(p, "-"))
            return true;
        struct part right;
        if (!product(p, &right) || !combine(p, out, &right, plus ? WHERE_ADD : WHERE_SUB, plus ? "+" : "-"))
            return false;
    }
}

/* A choice compared with a text that it can never be is a slip of the pen. */
static bool check_choice(struct parser *p, const struct part *choice, const struct part *literal)
{
    if (!choice->p || choice->p->type != SHEAF_CHOICE || !literal->literal)
        return true;
    for (uint32_t i = 0; i < choice->p->n_choices; i++)
        if (strcmp(choice->p->choices[i], literal->literal) == 0)
            return true;
    struct suggest near;
    suggest_begin(&near, literal->literal);
    for (uint32_t i = 0; i < choice->p->n_choices; i++)
        suggest_offer(&near, choice->p->choices[i]);
    return fail(p, literal->at, "'%.100s' is no choice of %s (%s)", literal->literal, choice->p->name, near.known);
}

static bool check_operands(struct parser *p, const struct part *a, const struct part *b, enum where_op op)
{
    if (is_number(a) && is_number(b))
        return true;
    if (a->type != b->type)
        return fail(p, b->at, "%s cannot be compared with %s", type_names[b->type], type_names[a->type]);
    if (op != WHERE_EQ && op != WHERE_NE)
        return fail(p, a->at, "%s has no order; only == and != apply", type_names[a->type]);
    return check_choice(p, a, b) && check_choice(p, b, a);
}

static bool comparison_operator(struct parser *p, enum where_op *op)
{
    static const struct {
        const char *symbol;
        enum where_op op;
    } operators[] = {{"<=", WHERE_LE}, {">=", WHERE_GE}, {"==", WHERE_EQ},
                     {"!=", WHERE_NE}, {"<", WHERE_LT},  {">", WHERE_GT}};
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
        if (accept(p, operators[i].symbol)) {
            *op = operators[i].op;
            return true;
        }
    return false;
}

/* a < b < c is (a < b) and (b < c): b's steps are copied, which is exact, for nothing has side effects. */
static bool comparison(struct parser *p, struct part *out)
{
    if (!sum(p, out))
        return false;
    struct part left = *out, right;
    uint32_t left_end = p->w->n_steps;
    enum where_op op;
    for (uint32_t n = 0; comparison_operator(p, &op); n++) {
        for (uint32_t k = left.first; n > 0 && k < left_end; k++)
            if (!emit(p, p->w->steps[k]))
                return false;
        if (!sum(p, &right) || !check_operands(p, &left, &right, op))
            return false;
        left_end = p->w->n_steps;
        if (left.type == T_TEXT)
            op = op == WHERE_EQ ? WHERE_SAME_TEXT : WHERE_OTHER_TEXT;
        if (!emit_op(p, op) || (n > 0 && !emit_op(p, WHERE_AND)))
            return false;
        left = right;
        *out = (struct part){.type = T_BOOL, .at = out->at, .first = out->first};
    }
    if (accept(p, "="))
        return fail(p, p->at - 1, "write == to compare");
    return true;
}

static bool negation(struct parser *p, struct part *out)
{
    skip_blanks(p);
    const char *at = p->at;
    uint32_t first = p->w->n_steps;
    if (!accept_word(p, "not"))
        return comparison(p, out);
    if (!enter(p) || !negation(p, out) || !want_condition(p, out, "not"))
        return false;
    p->depth--;
    *out = (struct part){.type = T_BOOL, .at = at, .first = first};
    return emit_op(p, WHERE_NOT);
}

static bool conjunct(struct parser *p, struct part *out)
{
    if (!negation(p, out))
        return false;
    while (accept_word(p, "and")) {
        struct part right;
        if (!want_condition(p, out, "and") || !negation(p, &right) || !want_condition(p, &right, "and") ||
            !emit_op(p, WHERE_AND))
            return false;
    }
    return true;
}

static bool condition(struct parser *p, struct part *out)
{
    if (!conjunct(p, out))
        return false;
    while (accept_word(p, "or")) {
        struct part right;
        if (!want_condition(p, out, "or") || !conjunct(p, &right) || !want_condition(p, &right, "or") ||
            !emit_op(p, WHERE_OR))
            return false;
    }
    return true;
}

int where_parse(struct where *w, const char *text, const struct plan_plugin *plugin, struct diag *d)
{
    struct parser p = {.w = w, .plugin = plugin, .d = d, .text = text, .at = text};
    w->steps = calloc(WHERE_OPS, sizeof(*w->steps));
    w->stack = calloc(WHERE_STACK, sizeof(*w->stack));
    if (!w->steps || !w->stack)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    struct part whole;
    if (!condition(&p, &whole))
        return p.rc;
    skip_blanks(&p);
    if (*p.at) {
        misplaced(&p);
    } else if (want_condition(&p, &whole, "a constraint")) {
        struct where_step *fitting = realloc(w->steps, w->n_steps * sizeof(*w->steps));
        if (fitting)
            w->steps = fitting;
    }
    return p.rc;
}
