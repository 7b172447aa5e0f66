/* SPDX-License-Identifier: MIT
 *
 * refused: one source, many plugins that go wrong, or are asked wrongly, before their first task. Which one, a definition says: REFUSED_CTOR_CRASH ...
 * (tests/plugins/CMakeLists.txt).
 */
#include "kit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef REFUSED_REQUIRED
static const struct sheaf_param params[] = {
    {.name = "x", .type = SHEAF_FLOAT, .min = 1, .max = 10, .unit = "", .help = "must be given", .required = true}};
#else
static const struct sheaf_param params[] = {PARAM_FLOAT("x", 1, "the score is half of it")};
#endif
static const struct sheaf_score scores[] = {{"value", "", "x / 2"}};

#if defined(REFUSED_CTOR_CRASH) || defined(REFUSED_CTOR_EXIT) || defined(REFUSED_CTOR_HANG)
__attribute__((constructor)) static void construct(void)
{
    fprintf(stderr, "refused: in the constructor\n");
#if defined(REFUSED_CTOR_CRASH)
    raise(SIGSEGV);
#elif defined(REFUSED_CTOR_EXIT)
    exit(0);
#else
    for (;;)
        pause();
#endif
}
#endif

#ifdef REFUSED_MISSING_SYMBOL
extern double refused_nobody_defines_this(double x);
#endif

static int32_t describe(const struct sheaf_host *host, const char *config, struct sheaf_descriptor *out)
{
    (void)config;
#if defined(REFUSED_DESCRIBE_CRASH)
    fprintf(stderr, "refused: in describe\n");
    raise(SIGSEGV);
#elif defined(REFUSED_DESCRIBE_HANG)
    for (;;)
        pause();
#elif defined(REFUSED_DESCRIBE_EXIT)
    exit(3);
#elif defined(REFUSED_DESCRIBE_FAIL)
    return host->fail(host, "the config is not to my taste");
#endif
    (void)host;
    out->name = "refused", out->version = "1", out->summary = "goes wrong before its first task";
    out->params = params, out->n_params = COUNT(params);
    out->scores = scores, out->n_scores = COUNT(scores);
#ifdef REFUSED_NO_SCORE
    out->n_scores = 0;
#endif
#ifdef REFUSED_BAD_NAME
    out->name = "Not A Name";
#endif
    return SHEAF_OK_STATUS;
}

static int32_t open_plugin(const struct sheaf_host *host, const char *config, const struct sheaf_dataset *dataset,
                           void **state)
{
    (void)config, (void)dataset, (void)state, (void)host;
#if defined(REFUSED_OPEN_CRASH)
    fprintf(stderr, "refused: in open\nand on another line\n");
    raise(SIGSEGV);
#elif defined(REFUSED_OPEN_FAIL)
    return host->fail(host, "nothing to open here");
#elif defined(REFUSED_OPEN_HANG)
    for (;;)
        pause();
#endif
    return SHEAF_OK_STATUS;
}

#ifdef REFUSED_NO_RUN
#define RUN NULL
#else
#define RUN run
static int32_t run(const struct sheaf_host *host, void *state, const struct sheaf_task *task, double *out)
{
    (void)host, (void)state;
    out[0] = task->params[0].f * 0.5;
#ifdef REFUSED_MISSING_SYMBOL
    out[0] = refused_nobody_defines_this(out[0]);
#endif
    return SHEAF_OK_STATUS;
}
#endif

static void close_plugin(const struct sheaf_host *host, void *state)
{
    (void)host, (void)state;
}

#if defined(REFUSED_NO_ENTRY)
SHEAF_EXPORT const struct sheaf_plugin refused_other_name;
#define ENTRY refused_other_name
#else
#define ENTRY sheaf_plugin_entry
#endif
#if defined(REFUSED_ABI_MAJOR)
#define MAJOR (SHEAF_ABI_MAJOR + 1u)
#else
#define MAJOR SHEAF_ABI_MAJOR
#endif
#if defined(REFUSED_ABI_MINOR)
#define MINOR (SHEAF_ABI_MINOR + 1u)
#else
#define MINOR SHEAF_ABI_MINOR
#endif

const struct sheaf_plugin ENTRY = {
    .abi_major = MAJOR,
    .abi_minor = MINOR,
#ifdef REFUSED_STRUCT_SIZE
    .struct_size = 8,
#else
    .struct_size = (uint32_t)sizeof(struct sheaf_plugin),
#endif
    .describe = describe,
    .open = open_plugin,
    .run = RUN,
    .close = close_plugin,
};
