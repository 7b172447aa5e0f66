/* Tests @NAME@ without sheaf: calls its functions as a slot would, behind a host of a few lines. */
#include "sheaf/plugin.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int32_t fail(const struct sheaf_host *host, const char *text)
{
    (void)host;
    fprintf(stderr, "the plugin failed: %s\n", text);
    return SHEAF_FAILED;
}

static bool stop_requested(const struct sheaf_host *host)
{
    (void)host;
    return false;
}

static void check(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "wrong: %s\n", what);
        exit(1);
    }
}

int main(void)
{
    const struct sheaf_plugin *plugin = &sheaf_plugin_entry;
    struct sheaf_host host = {.abi_major = SHEAF_ABI_MAJOR, .fail = fail, .stop_requested = stop_requested};
    struct sheaf_descriptor descriptor = {0};
    struct sheaf_dataset dataset = {0};
    void *state = NULL;
    check(plugin->describe(&host, "{}", &descriptor) == SHEAF_OK_STATUS, "describe");
    check(descriptor.n_params == 2 && descriptor.n_scores == 2, "the tables");
    check(plugin->open(&host, "{}", &dataset, &state) == SHEAF_OK_STATUS, "open");

    struct sheaf_value params[] = {{.i = 200000, .f = 200000}, {.f = 0.5}};
    struct sheaf_task task = {.params = params, .seed = 42, .attempt = 1};
    double scores[2] = {NAN, NAN}, again[2] = {NAN, NAN};
    check(plugin->run(&host, state, &task, scores) == SHEAF_OK_STATUS, "run");
    check(scores[1] < 0.05, "200,000 darts come close to pi");
    check(plugin->run(&host, state, &task, again) == SHEAF_OK_STATUS, "run again");
    check(scores[0] == again[0] && scores[1] == again[1], "the same task gives the same bits");
    plugin->close(&host, state);
    puts("all well");
    return 0;
}
