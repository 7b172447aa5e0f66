/* SPDX-License-Identifier: MIT
 *
 * plan_fuzz: any bytes are refused with one line, or become a plan that encodes to itself, has an identity, and whose
 * trials and splits can be computed.
 */
#include "sweep/plan.h"
#include "sweep/space.h"
#include "sweep/split.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define MEMORY ((size_t)64 << 20)
#define MANY 100000u /* larger tables and folds are right, and slow */

static void check_bytes(const struct plan *p)
{
    struct buf once = {0}, twice = {0};
    struct plan back;
    struct arena arena;
    uint8_t identity[HASH_BYTES], again[HASH_BYTES];
    arena_init(&arena, MEMORY);
    if (plan_encode(p, &once) == SHEAF_OK && plan_decode(once.data, once.len, &arena, &back, NULL) == SHEAF_OK) {
        SHEAF_ASSERT(plan_encode(&back, &twice) == SHEAF_OK && once.len == twice.len);
        SHEAF_ASSERT(memcmp(once.data, twice.data, once.len) == 0);
        SHEAF_ASSERT(plan_identity(p, identity) == SHEAF_OK && plan_identity(&back, again) == SHEAF_OK);
        SHEAF_ASSERT(memcmp(identity, again, HASH_BYTES) == 0 && plan_continues(p, &back));
    }
    buf_finish(&once);
    buf_finish(&twice);
    arena_finish(&arena);
}

static void check_trials(const struct plan *p)
{
    struct diag d = {""};
    const struct sheaf_value *v;
    for (uint32_t i = 0; i < p->n_axes; i++)
        if (p->axes[i].kind == AXIS_LOG_INT && p->axes[i].count > MANY)
            return;
    if (p->method == METHOD_RANDOM && p->n_where > 3)
        return; /* a thousand redraws each */
    struct space *s = space_create(p, &d);
    SHEAF_ASSERT((s == NULL) == (d.text[0] != 0));
    if (!s)
        return;
    (void)space_trial(s, p->trials - 1, &v);
    (void)space_trial(s, 0, &v);
    if (p->trials > 1)
        (void)space_trial(s, 1, &v);
    space_destroy(s);
}

static void check_splits(const struct plan *p)
{
    struct diag d = {""};
    struct sheaf_rows train, test;
    if (p->split.kind == SPLIT_K_FOLD && p->split.n_rows > MANY)
        return;
    struct splitter *s = splitter_create(p, NULL, &d);
    SHEAF_ASSERT((s == NULL) == (d.text[0] != 0));
    if (!s)
        return;
    splitter_rows(s, p->splits - 1, &train, &test);
    splitter_rows(s, 0, &train, &test);
    SHEAF_ASSERT(p->split.kind != SPLIT_K_FOLD || train.n + test.n == p->split.n_rows);
    splitter_destroy(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct plan p;
    struct diag d = {""};
    arena_init(&arena, MEMORY);
    int err = plan_decode(data, size, &arena, &p, &d);
    SHEAF_ASSERT((err == SHEAF_OK) == (d.text[0] == 0));
    if (err == SHEAF_OK) {
        check_bytes(&p);
        check_trials(&p);
        check_splits(&p);
    }
    arena_finish(&arena);
    return 0;
}
