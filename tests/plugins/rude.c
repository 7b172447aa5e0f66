/* SPDX-License-Identifier: MIT
 *
 * rude: leaves the process different from how it found it, after each task: rounding mode, signal mask, working
 * directory, umask, locale. Its scores say what it found: rounding is restored before each task, the rest before each chunk.
 */
#define _GNU_SOURCE
#include "kit.h"

#include <fenv.h>
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct sheaf_param params[] = {PARAM_FLOAT("x", 1, "the third is computed from it")};
static const struct sheaf_score scores[] = {
    {"third", "", "x / 3, as the rounding mode found makes it"},
    {"rounding", "", "1 if the rounding mode was not to nearest"},
    {"dirty", "", "bits of what else was found changed: 1 signal mask, 2 directory, 4 umask, 8 locale"},
};
static char home[4096];
static mode_t mask_at_open;

KIT_DESCRIBE("rude", "changes the state of its process")

static int32_t open_plugin(const struct sheaf_host *host, const char *config, const struct sheaf_dataset *dataset,
                           void **state)
{
    (void)config, (void)dataset, (void)state;
    if (!getcwd(home, sizeof home))
        return host->fail(host, "rude: no working directory");
    mask_at_open = umask(0);
    umask(mask_at_open);
    return SHEAF_OK_STATUS;
}

static void close_plugin(const struct sheaf_host *host, void *state)
{
    (void)host, (void)state;
}

static double dirt(void)
{
    int bits = 0;
    sigset_t blocked;
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    bits |= sigismember(&blocked, SIGUSR2) == 1 ? 1 : 0;
    char here[4096];
    bits |= getcwd(here, sizeof here) && strcmp(here, home) != 0 ? 2 : 0;
    mode_t mask = umask(0);
    umask(mask);
    bits |= mask != mask_at_open ? 4 : 0;
    const char *name = setlocale(LC_ALL, NULL);
    bits |= name && strcmp(name, "C") != 0 ? 8 : 0;
    return bits;
}

static void make_dirt(void)
{
    fesetround(FE_UPWARD);
    sigset_t usr2;
    sigemptyset(&usr2);
    sigaddset(&usr2, SIGUSR2);
    sigprocmask(SIG_BLOCK, &usr2, NULL);
    if (chdir("/") != 0)
        return;
    umask(mask_at_open ^ 0111);
    setlocale(LC_ALL, "C.UTF-8");
}

static int32_t run(const struct sheaf_host *host, void *state, const struct sheaf_task *task, double *out)
{
    (void)host, (void)state;
    volatile double three = 3, x = task->params[0].f;
    out[0] = x / three;
    out[1] = fegetround() == FE_TONEAREST ? 0 : 1;
    out[2] = dirt();
    make_dirt();
    return SHEAF_OK_STATUS;
}

KIT_ENTRY;
