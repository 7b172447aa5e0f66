/* SPDX-License-Identifier: MIT
 *
 * tally_save: a tally as bytes and back. Little-endian 64-bit numbers throughout: magic and version, the shape that must
 * match the plan, counts, digest, open trials, ranking, and a BLAKE2b-256 of it all. The digest's open blocks hold states of
 * libsodium's hash, so its version is part of the shape.
 */
#include "sweep/tally_state.h"

#include <stdlib.h>
#include <string.h>

static const char magic[16] = "sheaf tally 1";

static uint64_t sodium_version(void)
{
    uint8_t digest[HASH_BYTES];
    const char *text = sodium_version_string();
    hash_bytes(text, strlen(text), digest);
    return le_load(digest);
}

/* Everything of the plan that a saved tally depends on, but for the number of trials. */
#define SHAPE 9
static void shape_of(const struct tally *t, uint64_t shape[SHAPE])
{
    const uint64_t it[SHAPE] = {t->plan->keys, t->plan->splits,  t->shape.n_scores,  t->shape.by_split, t->shape.by_key,
                                t->goal.score, t->goal.maximize, sizeof(hash_state), sodium_version()};
    memcpy(shape, it, sizeof(it));
}

static int put_all(struct buf *out, const uint64_t *x, size_t n)
{
    int rc = SHEAF_OK;
    for (size_t i = 0; i < n && rc == SHEAF_OK; i++)
        rc = le_put(out, x[i]);
    return rc;
}

static int save_header(const struct tally *t, struct buf *out)
{
    uint64_t shape[SHAPE];
    shape_of(t, shape);
    const struct tally_counts *c = &t->counts;
    const uint64_t counts[] = {t->plan->trials, c->done, c->failed, c->skipped, c->trials_closed};
    int rc = buf_append(out, magic, sizeof(magic));
    rc = rc ? rc : put_all(out, shape, SHAPE);
    return rc ? rc : put_all(out, counts, sizeof(counts) / sizeof(counts[0]));
}

static int save_open(const struct tally *t, struct buf *out)
{
    int rc = le_put(out, t->open.n);
    for (size_t i = 0; i < t->open.cap && rc == SHEAF_OK; i++) {
        const struct open_trial *o = t->open.at[i].value;
        if (!o)
            continue;
        rc = le_put(out, t->open.at[i].key);
        rc = rc ? rc : buf_append(out, o->status, (size_t)t->cells);
        rc = rc ? rc : le_put_doubles(out, o->cells, t->cells * t->shape.n_scores);
    }
    return rc;
}

static int save_rank(const struct tally *t, struct buf *out)
{
    int rc = le_put(out, t->rank.n);
    for (uint64_t i = 0; i < t->rank.n && rc == SHEAF_OK; i++) {
        const struct rank_entry *e = &t->rank.pool[i];
        const uint64_t numbers[] = {e->trial, e->class == RANK_FAILED, e->n_failed, e->n};
        rc = put_all(out, numbers, sizeof(numbers) / sizeof(numbers[0]));
        rc = rc ? rc : le_put_doubles(out, e->values, 4 * (uint64_t)t->shape.n_scores);
    }
    return rc;
}

int tally_save(const struct tally *t, struct buf *out)
{
    size_t before = out->len;
    uint8_t check[HASH_BYTES];
    int rc = save_header(t, out);
    rc = rc ? rc : digest_save(&t->digest, out);
    rc = rc ? rc : save_open(t, out);
    rc = rc ? rc : save_rank(t, out);
    if (rc == SHEAF_OK) {
        hash_bytes(out->data + before, out->len - before, check);
        rc = buf_append(out, check, sizeof(check));
    }
    if (rc != SHEAF_OK)
        out->len = before;
    return rc;
}

static int load_header(struct tally *t, struct le_reader *r)
{
    uint64_t shape[SHAPE];
    shape_of(t, shape);
    const uint8_t *first = le_take(r, sizeof(magic));
    if (!first || memcmp(first, magic, sizeof(magic)) != 0)
        return SHEAF_ECORRUPT;
    for (size_t i = 0; i < SHAPE; i++)
        if (le_get(r) != shape[i])
            return SHEAF_ECORRUPT;
    uint64_t trials = le_get(r); /* fewer than the plan's when the sweep is continued */
    t->counts.done = le_get(r);
    t->counts.failed = le_get(r);
    t->counts.skipped = le_get(r);
    t->counts.trials_closed = le_get(r);
    return r->failed || trials > t->plan->trials ? SHEAF_ECORRUPT : SHEAF_OK;
}

static int load_open(struct tally *t, struct le_reader *r)
{
    for (uint64_t n = le_get(r); n > 0; n--) {
        uint64_t trial = le_get(r);
        const uint8_t *status = le_take(r, t->cells);
        if (!status || trial >= t->plan->trials || u64map_get(&t->open, trial) ||
            r->left / 8 < t->cells * t->shape.n_scores) /* so many cells' statuses were there: no overflow */
            return SHEAF_ECORRUPT;
        struct open_trial *o = tally_open_trial(t, trial);
        if (!o)
            return SHEAF_ENOMEM;
        for (uint64_t i = 0; i < t->cells; i++)
            o->have += status[i] != 0;
        memcpy(o->status, status, (size_t)t->cells);
        le_get_doubles(r, o->cells, t->cells * t->shape.n_scores);
    }
    return r->failed ? SHEAF_ECORRUPT : SHEAF_OK;
}

static int load_rank(struct tally *t, struct le_reader *r)
{
    uint64_t n_scores = t->shape.n_scores;
    for (uint64_t n = le_get(r); n > 0; n--) {
        struct trial_result result = {.trial = le_get(r), .scores = t->values};
        result.failed = le_get(r) != 0;
        result.n_failed = le_get(r);
        result.n = le_get(r);
        result.std = t->values + n_scores;
        result.min = t->values + 2 * n_scores;
        result.max = t->values + 3 * n_scores;
        le_get_doubles(r, t->values, 4 * n_scores);
        if (r->failed || result.trial >= t->plan->trials)
            return SHEAF_ECORRUPT;
        int rc = rank_add(&t->rank, &result, tally_key(t, t->values[t->goal.score]));
        if (rc != SHEAF_OK)
            return rc;
    }
    return r->failed ? SHEAF_ECORRUPT : SHEAF_OK;
}

static int load(struct tally *t, const void *bytes, size_t len)
{
    uint8_t check[HASH_BYTES];
    if (len < HASH_BYTES)
        return SHEAF_ECORRUPT;
    len -= HASH_BYTES;
    hash_bytes(bytes, len, check);
    if (memcmp(check, (const uint8_t *)bytes + len, HASH_BYTES) != 0)
        return SHEAF_ECORRUPT;
    struct le_reader r = {.at = bytes, .left = len};
    int rc = load_header(t, &r);
    rc = rc ? rc : digest_load(&t->digest, &r);
    rc = rc ? rc : load_open(t, &r);
    rc = rc ? rc : load_rank(t, &r);
    return rc ? rc : r.left == 0 ? SHEAF_OK : SHEAF_ECORRUPT;
}

struct tally *tally_load(const struct plan *p, uint64_t best, const void *bytes, size_t len, struct diag *d)
{
    struct tally *t = tally_create(p, best);
    int rc = t ? load(t, bytes, len) : SHEAF_ENOMEM;
    if (rc == SHEAF_OK)
        return t;
    tally_destroy(t);
    if (rc == SHEAF_ENOMEM)
        diag_fail(d, rc, "out of memory for the state of the sweep");
    else
        diag_fail(
            d, rc,
            "the saved state of the sweep is damaged, or of another sweep or another version of libsodium; run it "
            "again with --fresh");
    return NULL;
}
