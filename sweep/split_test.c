/* SPDX-License-Identifier: MIT
 *
 * Tests of split: walk-forward vectors of the reference, folds that partition the rows, strata that stay in balance.
 */
#include "sweep/split.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct plan walk(uint64_t n, uint64_t train, uint64_t test, uint64_t step, uint64_t gap, bool anchored)
{
    struct plan p = {.split = {.kind = SPLIT_WALK_FORWARD,
                               .n_rows = n,
                               .train = train,
                               .test = test,
                               .step = step,
                               .gap = gap,
                               .anchored = anchored}};
    p.splits = split_count(&p.split);
    return p;
}

static struct plan folds(uint64_t n, uint64_t k, bool shuffle, const char *stratify)
{
    struct plan p = {.split = {.kind = SPLIT_K_FOLD, .n_rows = n, .k = k, .shuffle = shuffle, .stratify = stratify}};
    p.splits = split_count(&p.split);
    return p;
}

static struct splitter *create(const struct plan *p, const struct sheaf_view *strata)
{
    struct diag d = {""};
    struct splitter *s = splitter_create(p, strata, &d);
    if (!s)
        fail_msg("%s", d.text);
    return s;
}

static void check_windows(struct plan p, const uint64_t (*want)[4], uint64_t n)
{
    assert_int_equal(p.splits, n);
    struct splitter *s = create(&p, NULL);
    for (uint64_t i = 0; i < n; i++) {
        struct sheaf_rows train, test;
        splitter_rows(s, i, &train, &test);
        assert_true(train.n_ranges == 1 && test.n_ranges == 1 && !train.list && !test.list);
        assert_int_equal(train.ranges[0].from, want[i][0]);
        assert_int_equal(train.ranges[0].to, want[i][1]);
        assert_int_equal(test.ranges[0].from, want[i][2]);
        assert_int_equal(test.ranges[0].to, want[i][3]);
        assert_true(train.n == want[i][1] - want[i][0] && test.n == want[i][3] - want[i][2]);
    }
    splitter_destroy(s);
}

static void rolling_windows_are_the_references(void **state)
{
    (void)state;
    check_windows(walk(20, 8, 4, 4, 0, false), (const uint64_t[][4]){{0, 8, 8, 12}, {4, 12, 12, 16}, {8, 16, 16, 20}},
                  3);
    check_windows(walk(22, 8, 4, 4, 0, false), (const uint64_t[][4]){{0, 8, 8, 12}, {4, 12, 12, 16}, {8, 16, 16, 20}},
                  3);
    check_windows(walk(20, 8, 4, 4, 2, false), (const uint64_t[][4]){{0, 8, 10, 14}, {4, 12, 14, 18}}, 2);
    assert_int_equal(walk(1000, 500, 100, 100, 0, false).splits, 5);
    assert_int_equal(walk(1398, 252, 63, 63, 0, false).splits, 18);
}

static void anchored_windows_train_from_the_first_row(void **state)
{
    (void)state;
    check_windows(walk(20, 8, 4, 4, 0, true), (const uint64_t[][4]){{0, 8, 8, 12}, {0, 12, 12, 16}, {0, 16, 16, 20}},
                  3);
}

static void windows_equal_the_loop_of_the_definition(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 40; n++)
        for (uint64_t mix = 0; mix < 81; mix++) {
            uint64_t train = 1 + mix % 3 * 4, test = 1 + mix / 3 % 3, step = 1 + mix / 9 % 3 * 2, gap = mix / 27;
            uint64_t count = 0;
            for (uint64_t s = 0; s + train + gap + test <= n; s += step)
                count++;
            assert_int_equal(walk(n, train, test, step, gap, false).splits, count);
        }
}

static void too_few_rows_give_no_split(void **state)
{
    (void)state;
    assert_int_equal(walk(11, 8, 4, 4, 0, false).splits, 0);
    assert_int_equal(walk(100, UINT64_MAX, 4, 4, UINT64_MAX, false).splits, 0);
    assert_int_equal(walk(100, 8, 0, 4, 0, false).splits, 0);
    assert_int_equal(walk(100, 8, 4, 0, 0, false).splits, 0);
    assert_int_equal(folds(4, 5, false, "").splits, 0);
    assert_int_equal(folds(4, 1, false, "").splits, 0);
    struct plan p = walk(20, 8, 4, 4, 0, false);
    p.splits = 4;
    struct diag d = {""};
    assert_null(splitter_create(&p, NULL, &d));
    assert_non_null(strstr(d.text, "3 windows or folds fit into 20 rows, not the 4"));
}

static void contiguous_folds_put_the_longer_ones_first(void **state)
{
    (void)state;
    struct plan p = folds(11, 4, false, "");
    struct splitter *s = create(&p, NULL);
    static const uint64_t ends[] = {0, 3, 6, 9, 11};
    for (uint64_t i = 0; i < 4; i++) {
        struct sheaf_rows train, test;
        splitter_rows(s, i, &train, &test);
        assert_true(test.n_ranges == 1 && test.ranges[0].from == ends[i] && test.ranges[0].to == ends[i + 1]);
        assert_true(train.n + test.n == 11);
        assert_int_equal(train.n_ranges, i == 0 || i == 3 ? 1 : 2);
        assert_true(i == 0 ? train.ranges[0].from == 3 : train.ranges[0].from == 0 && train.ranges[0].to == ends[i]);
        assert_true(i != 1 || (train.ranges[1].from == 6 && train.ranges[1].to == 11));
    }
    splitter_destroy(s);
}

static void without_split_every_row_is_test(void **state)
{
    (void)state;
    struct plan p = {.splits = 1, .split = {.n_rows = 9}};
    struct splitter *s = create(&p, NULL);
    struct sheaf_rows train, test;
    splitter_rows(s, 0, &train, &test);
    assert_true(train.n == 0 && train.n_ranges == 0 && train.ranges && !train.list);
    assert_true(test.n == 9 && test.n_ranges == 1 && test.ranges[0].to == 9);
    p.split.n_rows = 0;
    splitter_rows(s, 0, &train, &test);
    assert_true(test.n == 0 && test.n_ranges == 0);
    splitter_destroy(s);
}

/* Every row is in one fold's test rows and in all others' train rows; lists ascend. fold_of: of each row. */
static void check_dealt(const struct plan *p, struct splitter *s, uint32_t *fold_of)
{
    uint64_t n = p->split.n_rows, k = p->split.k;
    memset(fold_of, 0xff, n * sizeof(*fold_of));
    for (uint64_t round = 0; round < 2 * k; round++) {
        uint64_t split = round * (k - 1) % k; /* each twice, not in order */
        struct sheaf_rows train, test;
        splitter_rows(s, split, &train, &test);
        assert_true(!train.ranges && !test.ranges && train.n + test.n == n);
        assert_true(test.n == n / k || test.n == n / k + 1);
        for (uint64_t i = 0; i < test.n; i++) {
            assert_true(i == 0 || test.list[i] > test.list[i - 1]);
            assert_true(fold_of[test.list[i]] == UINT32_MAX || fold_of[test.list[i]] == split);
            fold_of[test.list[i]] = (uint32_t)split;
        }
        for (uint64_t i = 0; i < train.n; i++) {
            assert_true(i == 0 || train.list[i] > train.list[i - 1]);
            assert_true(fold_of[train.list[i]] != split);
        }
    }
}

static void shuffled_folds_partition_the_rows(void **state)
{
    (void)state;
    uint32_t a[1003], b[1003];
    struct plan p = folds(1003, 7, true, "");
    struct splitter *s = create(&p, NULL);
    check_dealt(&p, s, a);
    splitter_destroy(s);
    p.seed = 1;
    s = create(&p, NULL);
    check_dealt(&p, s, b);
    splitter_destroy(s);
    int same = 0, runs = 0;
    for (int i = 0; i < 1003; i++) {
        same += a[i] == b[i];
        runs += i > 0 && a[i] == a[i - 1];
    }
    assert_in_range(same, 90, 200); /* one in seven by chance: 143 */
    assert_in_range(runs, 90, 200);
}

static void shuffled_folds_are_the_documented_ones(void **state)
{
    (void)state;
    static const int64_t want[3][4] = {{4, 7, 8, 9}, {0, 2, 3}, {1, 5, 6}};
    struct plan p = folds(10, 3, true, "");
    struct splitter *s = create(&p, NULL);
    for (uint64_t i = 0; i < 3; i++) {
        struct sheaf_rows train, test;
        splitter_rows(s, i, &train, &test);
        assert_int_equal(test.n, i == 0 ? 4 : 3);
        for (uint64_t j = 0; j < test.n; j++)
            assert_int_equal(test.list[j], want[i][j]);
    }
    splitter_destroy(s);
}

static struct sheaf_view column(const void *data, uint32_t dtype, uint64_t n, int64_t size)
{
    return (struct sheaf_view){.dtype = dtype, .rank = 1, .shape = {n}, .strides = {size}, .data = data};
}

static void strata_keep_their_share_of_every_fold(void **state)
{
    (void)state;
    static int32_t labels[997];
    uint32_t fold_of[997];
    for (uint32_t i = 0; i < 997; i++)
        labels[i] = i % 10 == 0 ? -5 : i < 300 ? 0 : (int32_t)(i % 3);
    struct sheaf_view view = column(labels, SHEAF_DT_CODE, 997, 4);
    for (int shuffle = 0; shuffle < 2; shuffle++) {
        struct plan p = folds(997, 6, shuffle, "y");
        struct splitter *s = create(&p, &view);
        check_dealt(&p, s, fold_of);
        splitter_destroy(s);
        for (int32_t class = -5; class < 3; class ++) {
            uint32_t counts[6] = {0}, total = 0;
            for (int i = 0; i < 997; i++)
                if (labels[i] == class) {
                    counts[fold_of[i]]++;
                    total++;
                }
            for (int f = 0; f < 6; f++)
                assert_in_range(counts[f], total / 6, total / 6 + 1);
        }
    }
}

static void strata_may_be_of_any_discrete_type(void **state)
{
    (void)state;
    static const uint64_t u64[] = {1, UINT64_MAX, 1, UINT64_MAX, 1, UINT64_MAX};
    static const uint8_t bools[] = {1, 0, 1, 0, 1, 0};
    static const int16_t i16[] = {-1, 2, -1, 2, -1, 2};
    static const int64_t i64[] = {INT64_MIN, 7, INT64_MIN, 7, INT64_MIN, 7};
    const struct sheaf_view views[] = {column(u64, SHEAF_DT_U64, 6, 8), column(bools, SHEAF_DT_BOOL, 6, 1),
                                       column(i16, SHEAF_DT_I16, 6, 2), column(i64, SHEAF_DT_I64, 6, 8)};
    for (int i = 0; i < 4; i++) {
        struct plan p = folds(6, 3, false, "y");
        struct splitter *s = create(&p, &views[i]);
        for (uint64_t f = 0; f < 3; f++) {
            struct sheaf_rows train, test;
            splitter_rows(s, f, &train, &test);
            assert_true(test.n == 2 && (test.list[0] + test.list[1]) % 2 == 1); /* one of each class */
        }
        splitter_destroy(s);
    }
}

static void classes_are_dealt_in_ascending_order(void **state)
{
    (void)state;
    static const uint64_t u64[] = {1, UINT64_MAX, 1, UINT64_MAX, 1};
    static const int8_t i8[] = {-1, 2, -1, 2, -1};
    const struct sheaf_view views[] = {column(u64, SHEAF_DT_U64, 5, 8), column(i8, SHEAF_DT_I8, 5, 1)};
    for (int i = 0; i < 2; i++) { /* the queue: 0 2 4, then 1 3 */
        struct plan p = folds(5, 2, false, "y");
        struct splitter *s = create(&p, &views[i]);
        struct sheaf_rows train, test;
        splitter_rows(s, 0, &train, &test);
        assert_true(test.n == 3 && test.list[0] == 0 && test.list[1] == 3 && test.list[2] == 4);
        splitter_destroy(s);
    }
}

static void unfit_strata_are_refused(void **state)
{
    (void)state;
    static const double x[6] = {0};
    struct sheaf_view floats = column(x, SHEAF_DT_F64, 6, 8), shorter = column(x, SHEAF_DT_I64, 5, 8);
    struct plan p = folds(6, 3, false, "y");
    struct diag d = {""};
    assert_null(splitter_create(&p, &floats, &d));
    assert_non_null(strstr(d.text, "'y' holds floats"));
    assert_null(splitter_create(&p, &shorter, &d));
    assert_non_null(strstr(d.text, "one axis of 6 rows"));
    assert_null(splitter_create(&p, NULL, &d));
    assert_non_null(strstr(d.text, "no array 'y'"));
}

static void many_large_folds_share_one_list(void **state)
{
    (void)state;
    struct plan p = folds(20000, 2000, true, "");
    struct splitter *s = create(&p, NULL);
    struct sheaf_rows train, test;
    static uint8_t seen[20000];
    for (uint64_t f = 0; f < 2000; f += 37) {
        splitter_rows(s, f, &train, &test);
        assert_int_equal(test.n, 10);
        for (uint64_t i = 0; i < test.n; i++)
            assert_false(seen[test.list[i]]++);
    }
    splitter_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rolling_windows_are_the_references),
        cmocka_unit_test(anchored_windows_train_from_the_first_row),
        cmocka_unit_test(windows_equal_the_loop_of_the_definition),
        cmocka_unit_test(too_few_rows_give_no_split),
        cmocka_unit_test(contiguous_folds_put_the_longer_ones_first),
        cmocka_unit_test(without_split_every_row_is_test),
        cmocka_unit_test(shuffled_folds_partition_the_rows),
        cmocka_unit_test(shuffled_folds_are_the_documented_ones),
        cmocka_unit_test(strata_keep_their_share_of_every_fold),
        cmocka_unit_test(strata_may_be_of_any_discrete_type),
        cmocka_unit_test(classes_are_dealt_in_ascending_order),
        cmocka_unit_test(unfit_strata_are_refused),
        cmocka_unit_test(many_large_folds_share_one_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
