/* @NAME@: a plugin for sheaf. Replace what it computes by what you need; see README.md.
 *
 * It estimates pi: it throws darts at a square and counts those inside of the circle. */
#include "sheaf/plugin.h"

#include <math.h>

#define COUNT(a) ((uint32_t)(sizeof(a) / sizeof((a)[0])))

/* Parameters, in the order in which run finds their values in task->params. */
enum { P_DARTS, P_RADIUS };
static const struct sheaf_param params[] = {
    {.name = "darts",
     .type = SHEAF_INT,
     .def = {.i = 1000},
     .min = 1,
     .max = 1e9,
     .unit = "",
     .help = "how many darts to throw"},
    {.name = "radius",
     .type = SHEAF_FLOAT,
     .def = {.f = 1.0},
     .min = 0.1,
     .max = 1.0,
     .unit = "",
     .help = "of the circle, in a square from -1 to 1"},
};

/* Scores, in the order in which run writes them. */
enum { S_ESTIMATE, S_ERROR };
static const struct sheaf_score scores[] = {
    {.name = "estimate", .unit = "", .help = "the estimate of pi"},
    {.name = "error", .unit = "", .help = "its distance from pi"},
};

static int32_t describe(const struct sheaf_host *host, const char *config, struct sheaf_descriptor *out)
{
    (void)host, (void)config;
    out->name = "@NAME@";
    out->version = "0.1";
    out->summary = "estimates pi with darts";
    out->params = params;
    out->n_params = COUNT(params);
    out->scores = scores;
    out->n_scores = COUNT(scores);
    return SHEAF_OK_STATUS;
}

/* What all tasks share would be made here, from the dataset's arrays, and kept in *state. */
static int32_t open_data(const struct sheaf_host *host, const char *config, const struct sheaf_dataset *dataset,
                         void **state)
{
    (void)host, (void)config, (void)dataset, (void)state;
    return SHEAF_OK_STATUS;
}

static void close_data(const struct sheaf_host *host, void *state)
{
    (void)host, (void)state;
}

/* The next random number in [-1, 1); x is all of the generator's state (splitmix64). */
static double next_random(uint64_t *x)
{
    uint64_t z = (*x += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (double)(z >> 11) / 4503599627370496.0 - 1.0;
}

static int32_t run(const struct sheaf_host *host, void *state, const struct sheaf_task *task, double *out)
{
    (void)state;
    int64_t darts = task->params[P_DARTS].i, inside = 0;
    double radius = task->params[P_RADIUS].f;
    uint64_t random = task->seed; /* the same for this task on every machine, so the score is, too */
    for (int64_t i = 0; i < darts; i++) {
        if (i % 1000000 == 0 && host->stop_requested(host))
            return host->fail(host, "stopped");
        double x = next_random(&random), y = next_random(&random);
        inside += x * x + y * y < radius * radius;
    }
    out[S_ESTIMATE] = 4.0 * (double)inside / (double)darts / (radius * radius);
    out[S_ERROR] = fabs(out[S_ESTIMATE] - 3.14159265358979323846);
    return SHEAF_OK_STATUS;
}

const struct sheaf_plugin sheaf_plugin_entry = {
    .abi_major = SHEAF_ABI_MAJOR,
    .abi_minor = SHEAF_ABI_MINOR,
    .struct_size = (uint32_t)sizeof(struct sheaf_plugin),
    .describe = describe,
    .open = open_data,
    .run = run,
    .close = close_data,
};
