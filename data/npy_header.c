/* SPDX-License-Identifier: MIT
 *
 * npy_header: the dictionary at the front of an .npy file. It is a Python literal such as
 * {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), } and may come from anybody; what is read here is the small
 * part of the language that NumPy writes, and nothing is trusted before it is checked against the file's size.
 */
#include "data/npy.h"

#include "data/dataset.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct parser {
    const char *at, *end;
    const char *path;
    struct diag *d;
};

struct word {
    const char *s;
    size_t len;
};

static int refuse(const struct parser *p, const char *what)
{
    return diag_fail(p->d, SHEAF_EINVAL, "%s: malformed .npy header: %s", p->path, what);
}

static void skip_blanks(struct parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
        p->at++;
}

/* Takes one punctuation character, blanks before it included. */
static bool take(struct parser *p, char c)
{
    skip_blanks(p);
    if (p->at == p->end || *p->at != c)
        return false;
    p->at++;
    return true;
}

static bool take_word(struct parser *p, const char *word)
{
    size_t n = strlen(word);

    skip_blanks(p);
    if ((size_t)(p->end - p->at) < n || memcmp(p->at, word, n) != 0)
        return false;
    p->at += n;
    return true;
}

/* A quoted text without escapes: no name or type has one. */
static bool take_text(struct parser *p, struct word *out)
{
    char quote;

    skip_blanks(p);
    if (p->at == p->end || (*p->at != '\'' && *p->at != '"'))
        return false;
    quote = *p->at++;
    out->s = p->at;
    while (p->at < p->end && *p->at != quote && *p->at != '\\')
        p->at++;
    if (p->at == p->end || *p->at != quote)
        return false;
    out->len = (size_t)(p->at - out->s);
    p->at++;
    return true;
}

static bool take_number(struct parser *p, uint64_t *out)
{
    uint64_t v = 0;
    const char *from;

    skip_blanks(p);
    from = p->at;
    while (p->at < p->end && *p->at >= '0' && *p->at <= '9') {
        if (v > (INT64_MAX - 9) / 10)
            return false;
        v = v * 10 + (uint64_t)(*p->at++ - '0');
    }
    if (p->at == from)
        return false;
    if (p->at < p->end && *p->at == 'L') /* Python 2 wrote 3L */
        p->at++;
    *out = v;
    return true;
}

/* What to tell people about element types that are not read. */
static int refuse_type(const struct parser *p, struct word descr)
{
    static const struct {
        char kind;
        const char *what;
    } known[] = {
        {'f', "only float32 and float64 are read; convert it with .astype('float64')"},
        {'c', "complex numbers are not read; save the real and imaginary parts"},
        {'U', "texts are not read; save codes, or pack a CSV table"},
        {'S', "texts are not read; save codes, or pack a CSV table"},
        {'a', "texts are not read; save codes, or pack a CSV table"},
        {'M', "times are not read; save them with .astype('int64')"},
        {'m', "times are not read; save them with .astype('int64')"},
        {'O', "Python objects are not read; convert it to numbers with .astype"},
        {'V', "structured types are not read; save one array a field"},
    };
    char kind = descr.len >= 2 ? descr.s[1] : descr.len == 1 ? descr.s[0] : '?';

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].kind == kind)
            return diag_fail(p->d, SHEAF_EINVAL, "%s: dtype '%.*s': %s", p->path,
                             (int)(descr.len < 40 ? descr.len : 40), descr.s, known[i].what);
    return diag_fail(p->d, SHEAF_EINVAL, "%s: dtype '%.*s' is unknown; convert it with .astype", p->path,
                     (int)(descr.len < 40 ? descr.len : 40), descr.s);
}

static int parse_descr(struct parser *p, struct npy *out)
{
    static const struct {
        char name[3];
        uint32_t dtype;
    } types[] = {
        {"b1", SHEAF_DT_BOOL}, {"i1", SHEAF_DT_I8},  {"i2", SHEAF_DT_I16}, {"i4", SHEAF_DT_I32},
        {"i8", SHEAF_DT_I64},  {"u1", SHEAF_DT_U8},  {"u2", SHEAF_DT_U16}, {"u4", SHEAF_DT_U32},
        {"u8", SHEAF_DT_U64},  {"f4", SHEAF_DT_F32}, {"f8", SHEAF_DT_F64},
    };
    struct word descr;

    skip_blanks(p);
    if (p->at < p->end && (*p->at == '[' || *p->at == '('))
        return diag_fail(p->d, SHEAF_EINVAL, "%s: structured types are not read; save one array a field", p->path);
    if (!take_text(p, &descr))
        return refuse(p, "'descr' is no text");
    if (descr.len != 3 || strchr("<>=|", descr.s[0]) == NULL)
        return refuse_type(p, descr);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (memcmp(types[i].name, descr.s + 1, 2) != 0)
            continue;
        if (descr.s[0] == '|' && types[i].name[1] != '1')
            return refuse(p, "'descr' names no byte order");
        out->dtype = types[i].dtype;
        out->swapped = descr.s[0] == '>' && types[i].name[1] != '1';
        return 0;
    }
    return refuse_type(p, descr);
}

static int parse_shape(struct parser *p, struct npy *out)
{
    if (!take(p, '('))
        return refuse(p, "'shape' is no tuple");
    while (!take(p, ')')) {
        if (out->rank == SHEAF_MAX_RANK)
            return diag_fail(p->d, SHEAF_EINVAL, "%s: more than %u axes; reshape it", p->path, SHEAF_MAX_RANK);
        if (!take_number(p, &out->shape[out->rank++]))
            return refuse(p, "'shape' holds something that is no size");
        if (take(p, ','))
            continue;
        if (!take(p, ')'))
            return refuse(p, "'shape' does not end");
        break;
    }
    return 0;
}

static int parse_order(struct parser *p, struct npy *out)
{
    if (take_word(p, "True"))
        out->fortran = true;
    else if (!take_word(p, "False"))
        return refuse(p, "'fortran_order' is neither True nor False");
    return 0;
}

static int parse_dictionary(struct parser *p, struct npy *out)
{
    static const struct {
        const char *name;
        int (*parse)(struct parser *p, struct npy *out);
    } fields[] = {{"descr", parse_descr}, {"fortran_order", parse_order}, {"shape", parse_shape}};
    unsigned seen = 0;

    if (!take(p, '{'))
        return refuse(p, "no dictionary");
    while (!take(p, '}')) {
        struct word name;
        size_t i = 0;
        if (!take_text(p, &name) || !take(p, ':'))
            return refuse(p, "a name is missing");
        while (i < 3 && (strlen(fields[i].name) != name.len || memcmp(fields[i].name, name.s, name.len) != 0))
            i++;
        if (i == 3 || (seen & 1u << i) != 0)
            return refuse(p, i == 3 ? "an unknown name" : "a name twice");
        seen |= 1u << i;
        int err = fields[i].parse(p, out);
        if (err != 0)
            return err;
        if (!take(p, ',') && (p->at == p->end || *p->at != '}'))
            return refuse(p, "no comma after a value");
    }
    skip_blanks(p);
    if (seen != 7 || p->at != p->end)
        return refuse(p, seen != 7 ? "descr, fortran_order or shape is missing" : "something follows the dictionary");
    return 0;
}

/* The elements must fill the rest of the file. */
static int check_size(const struct parser *p, struct npy *out, uint64_t file_bytes)
{
    uint64_t n = dtype_size(out->dtype), have = file_bytes - out->data_at;
    bool empty = false;

    for (uint32_t i = 0; i < out->rank; i++) {
        if (out->shape[i] == 0)
            empty = true;
        else if (__builtin_mul_overflow(n, out->shape[i], &n) || n > INT64_MAX)
            return refuse(p, "'shape' is larger than any file can be");
    }
    out->data_bytes = empty ? 0 : n;
    if (out->data_bytes == have)
        return 0;
    if (have < out->data_bytes)
        return diag_fail(p->d, SHEAF_EINVAL,
                         "%s: the file is cut off: %" PRIu64 " bytes of elements where its shape needs %" PRIu64,
                         p->path, have, out->data_bytes);
    uint64_t more = have - out->data_bytes;
    return diag_fail(p->d, SHEAF_EINVAL, "%s: %" PRIu64 " byte%s the array; save one array a file", p->path, more,
                     more == 1 ? " follows" : "s follow");
}

int npy_parse(const void *bytes, size_t len, uint64_t file_bytes, const char *path, struct npy *out, struct diag *d)
{
    const uint8_t *b = bytes;
    struct npy npy = {.path = path};
    struct parser p = {.path = path, .d = d};
    uint32_t header_len = 0;
    size_t at;
    int err;

    if (len < 10 || memcmp(b, "\x93NUMPY", 6) != 0)
        return diag_fail(d, SHEAF_EINVAL, "%s: not an .npy file; write it with numpy.save", path);
    if (b[6] < 1 || b[6] > 3)
        return diag_fail(d, SHEAF_EINVAL, "%s: .npy format version %u.%u is unknown; versions 1 to 3 are read", path,
                         b[6], b[7]);
    at = b[6] == 1 ? 10 : 12;
    if (len >= at)
        header_len = b[6] == 1 ? (uint32_t)b[8] | (uint32_t)b[9] << 8
                               : (uint32_t)b[8] | (uint32_t)b[9] << 8 | (uint32_t)b[10] << 16 | (uint32_t)b[11] << 24;
    if (len < at || header_len > len - at || header_len > NPY_MAX_HEADER)
        return refuse(&p, header_len > NPY_MAX_HEADER ? "it is longer than 1 MiB" : "the file ends inside it");
    p.at = (const char *)b + at;
    p.end = p.at + header_len;
    npy.data_at = at + header_len;
    err = parse_dictionary(&p, &npy);
    if (err == 0)
        err = check_size(&p, &npy, file_bytes);
    if (err == 0)
        *out = npy;
    return err;
}

int npy_header(uint32_t dtype, uint32_t rank, const uint64_t *shape, struct buf *out)
{
    static const char *const descr[] = {
        [SHEAF_DT_BOOL] = "|b1", [SHEAF_DT_I8] = "|i1",  [SHEAF_DT_I16] = "<i2", [SHEAF_DT_I32] = "<i4",
        [SHEAF_DT_I64] = "<i8",  [SHEAF_DT_U8] = "|u1",  [SHEAF_DT_U16] = "<u2", [SHEAF_DT_U32] = "<u4",
        [SHEAF_DT_U64] = "<u8",  [SHEAF_DT_F32] = "<f4", [SHEAF_DT_F64] = "<f8", [SHEAF_DT_CODE] = "<i4",
        [SHEAF_DT_DATE] = "<i4",
    };
    char text[320];
    size_t n, pad;
    uint8_t prefix[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};

    SHEAF_ASSERT(dtype_size(dtype) > 0 && rank <= SHEAF_MAX_RANK);
    n = (size_t)snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr[dtype]);
    for (uint32_t i = 0; i < rank; i++)
        n += (size_t)snprintf(text + n, sizeof text - n,
                              i == 0   ? "%" PRIu64 ","
                              : i == 1 ? " %" PRIu64
                                       : ", %" PRIu64,
                              shape[i]);
    n += (size_t)snprintf(text + n, sizeof text - n, "), }");
    /* The elements begin at a multiple of 64, and a line end comes before them. */
    pad = 63 - (sizeof prefix + n) % 64;
    memset(text + n, ' ', pad);
    n += pad;
    text[n++] = '\n';
    prefix[8] = (uint8_t)(n & 255);
    prefix[9] = (uint8_t)(n >> 8);
    if (buf_reserve(out, sizeof prefix + n) != 0)
        return SHEAF_ENOMEM;
    buf_append(out, prefix, sizeof prefix);
    return buf_append(out, text, n);
}
