/* SPDX-License-Identifier: MIT */
#include "cli/progress.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

static const double best_scores[2] = {9, 1.25};

static struct plan_score scores[2] = {{"other", "", ""}, {"sharpe", "", ""}};
static struct plan_goal goal = {.score = 1, .maximize = true};
static const struct plan plan = {.plugin = {.scores = scores, .n_scores = 2}, .goals = &goal, .n_goals = 1};

static struct msg_best best = {.scores = {best_scores, sizeof best_scores}};

static struct msg_status half_way(void)
{
    return (struct msg_status){
        .total = 20000, .done = 9990, .failed = 3, .skipped = 7, .tasks_per_second = 5000, .best = &best, .n_best = 1};
}

static void it_says_share_rate_time_left_failures_and_best(void **state)
{
    (void)state;
    struct msg_status s = half_way();
    char line[300];
    progress_line(&s, &plan, NULL, 0, line, sizeof line);
    assert_string_equal(line, " 50%  10,000/20,000 tasks  5.0 k/s  2.0 s left  3 failed  best sharpe 1.25");
    progress_line(&s, &plan, "stopping", 0, line, sizeof line);
    assert_non_null(strstr(line, "  stopping"));
}

static void what_is_not_known_is_left_out(void **state)
{
    (void)state;
    struct msg_status s = {.total = 10};
    char line[300];
    progress_line(&s, NULL, NULL, 0, line, sizeof line);
    assert_string_equal(line, "  0%  0/10 tasks  0/s");
    best.failed = true;
    s = half_way();
    progress_line(&s, &plan, NULL, 0, line, sizeof line);
    assert_null(strstr(line, "best"));
    best = (struct msg_best){.scores = {best_scores, 8}}; /* a broker that sends too few scores */
    progress_line(&s, &plan, NULL, 0, line, sizeof line);
    assert_null(strstr(line, "best"));
    best = (struct msg_best){.scores = {best_scores, sizeof best_scores}};
}

static void nothing_to_do_is_no_division_by_zero(void **state)
{
    (void)state;
    struct msg_status s = {.total = 0};
    char line[300];
    progress_line(&s, &plan, NULL, 0, line, sizeof line);
    assert_string_equal(line, "  0%  0/0 tasks  0/s");
}

static void the_line_fits_the_terminal(void **state)
{
    (void)state;
    struct msg_status s = half_way();
    char line[300];
    for (unsigned width = 20; width < 240; width++) {
        progress_line(&s, &plan, NULL, width, line, sizeof line);
        assert_true(strlen(line) <= width);
    }
    progress_line(&s, &plan, NULL, 200, line, sizeof line);
    assert_memory_equal(line, "[####################--------------------] ", 43);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_share_rate_time_left_failures_and_best),
        cmocka_unit_test(what_is_not_known_is_left_out),
        cmocka_unit_test(nothing_to_do_is_no_division_by_zero),
        cmocka_unit_test(the_line_fits_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
