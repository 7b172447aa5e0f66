/* SPDX-License-Identifier: MIT
 *
 * progress: one line, drawn again and again or printed now and then.
 */
#define _DEFAULT_SOURCE /* TIOCGWINSZ */
#include "cli/progress.h"
#include "cli/human.h"
#include "common/clock.h"
#include "common/text.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REDRAW_NS (100 * NS_PER_MS)
#define LINE_NS (5 * NS_PER_S)
#define MAX_COLUMNS 240u

void progress_init(struct progress *p, int64_t now)
{
    memset(p, 0, sizeof *p);
    p->terminal = isatty(STDERR_FILENO) == 1;
    /* Short sweeps print no progress at all where nobody watches. */
    p->next_ns = now + (p->terminal ? 0 : LINE_NS);
}

uint32_t progress_every_ms(void)
{
    return isatty(STDERR_FILENO) == 1 ? REDRAW_NS / NS_PER_MS : 1000;
}

static unsigned columns(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20)
        return 80;
    return size.ws_col < MAX_COLUMNS ? size.ws_col : MAX_COLUMNS;
}

/* "best sharpe 1.23456", "" when there is none yet. */
static void best_text(const struct msg_status *s, const struct plan *plan, char *out, size_t cap)
{
    out[0] = '\0';
    if (plan == NULL || s->n_best == 0 || s->best[0].failed)
        return;
    uint32_t score = plan->goals[0].score;
    double v;
    char number[40];
    if (s->best[0].scores.len < (score + 1) * sizeof v)
        return;
    memcpy(&v, (const char *)s->best[0].scores.data + score * sizeof v, sizeof v);
    (void)snprintf(out, cap, "  best %.40s %s", plan->plugin.scores[score].name, human_score(v, number, sizeof number));
}

/* "#####-----" with the share that is done. */
static void bar_text(double share, unsigned width, char *out)
{
    unsigned full = (unsigned)(share * width);
    for (unsigned i = 0; i < width; i++)
        out[i] = i < full ? '#' : '-';
    out[width] = '\0';
}

void progress_line(const struct msg_status *s, const struct plan *plan, const char *note, unsigned width, char *out,
                   size_t cap)
{
    uint64_t ended = s->done + s->failed + s->skipped, left = s->total > ended ? s->total - ended : 0;
    double share = s->total > 0 ? (double)ended / (double)s->total : 0;
    char done[32], total[32], rate[32], time_left[32] = "", failed[64] = "", best[100], tail[300];
    if (s->tasks_per_second > 0 && left > 0) {
        char text[24];
        (void)snprintf(time_left, sizeof time_left, "  %s left",
                       human_seconds((double)left / s->tasks_per_second, text, sizeof text));
    }
    if (s->failed > 0) {
        char text[32];
        (void)snprintf(failed, sizeof failed, "  %s failed", human_count(s->failed, text, sizeof text));
    }
    best_text(s, plan, best, sizeof best);
    (void)snprintf(tail, sizeof tail, "%3.0f%%  %s/%s tasks  %s%s%s%s%s%s", share * 100,
                   human_count(ended, done, sizeof done), human_count(s->total, total, sizeof total),
                   human_rate(s->tasks_per_second, rate, sizeof rate), time_left, failed, best,
                   note != NULL ? "  " : "", note != NULL ? note : "");
    text_one_line(tail);
    size_t used = strlen(tail) + 3;
    char bar[MAX_COLUMNS + 1];
    if (width > used + 8) {
        unsigned room = width - (unsigned)used;
        bar_text(share, room < 40 ? room : 40, bar);
        (void)snprintf(out, cap, "[%s] %s", bar, tail);
    } else {
        (void)snprintf(out, cap, "%s", tail);
    }
    if (width > 0 && width < cap && strlen(out) > width)
        out[width] = '\0';
}

void progress_show(struct progress *p, const struct msg_status *s, const struct plan *plan, int64_t now)
{
    if (now < p->next_ns)
        return;
    p->next_ns = now + (p->terminal ? REDRAW_NS : LINE_NS);
    char line[600];
    /* One column stays free: a full line makes some terminals scroll. */
    progress_line(s, plan, p->note, p->terminal ? columns() - 1 : 0, line, sizeof line);
    if (p->terminal)
        (void)fprintf(stderr, "\r%s\x1b[K", line);
    else
        (void)fprintf(stderr, "%s\n", line);
    (void)fflush(stderr);
    p->drawn = p->terminal;
}

void progress_clear(struct progress *p)
{
    if (!p->drawn)
        return;
    (void)fputs("\r\x1b[K", stderr);
    (void)fflush(stderr);
    p->drawn = false;
}
