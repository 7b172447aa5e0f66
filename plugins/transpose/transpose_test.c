/* SPDX-License-Identifier: MIT
 *
 * The whole plugin behind a fake host, on files that are written for it; and every line that it refuses.
 */
#define _GNU_SOURCE /* mkdtemp */
#include "part.h"
#include "sheaf/plugin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

enum { MOST_FILES = 80, PATH = 256 };

/* A host whose keys are the files of one test, and which keeps what is cached. */
struct fake {
    struct sheaf_host host;
    char dir[PATH], reason[600], asked[PATH];
    char paths[MOST_FILES][PATH];
    uint32_t n, n_caches;
    void *caches[MOST_FILES];
    bool is_short; /* of memory */
    bool is_full;  /* the output: names lead nowhere */
    bool stops;
    double files, rows;
};

static int32_t fake_fail(const struct sheaf_host *host, const char *text)
{
    struct fake *f = host->self;
    snprintf(f->reason, sizeof f->reason, "%s", text);
    return SHEAF_FAILED;
}

static bool fake_stop(const struct sheaf_host *host)
{
    return ((struct fake *)host->self)->stops;
}

static int32_t fake_emit(const struct sheaf_host *host, const char *group, const double *values)
{
    struct fake *f = host->self;
    assert_int_equal(strlen(group), 4);
    f->files += values[0];
    f->rows += values[1];
    return SHEAF_OK_STATUS;
}

static uint64_t fake_count(const struct sheaf_host *host)
{
    return ((struct fake *)host->self)->n;
}

static bool fake_key(const struct sheaf_host *host, uint64_t index, struct sheaf_key *out)
{
    const struct fake *f = host->self;
    if (index >= f->n)
        return false;
    *out = (struct sheaf_key){.kind = SHEAF_KEY_PATH, .index = index, .text = f->paths[index]};
    return true;
}

static const void *fake_get(const struct sheaf_host *host, const char *name, sheaf_make_fn make, void *user,
                            uint64_t *size)
{
    struct fake *f = host->self;
    const void *bytes;
    (void)name;
    if (f->is_short || make(host, user, &bytes, size) != SHEAF_OK_STATUS)
        return NULL;
    void *copy = malloc(*size);
    assert_non_null(copy);
    memcpy(copy, bytes, *size);
    return f->caches[f->n_caches++] = copy;
}

static const char *fake_path(const struct sheaf_host *host, const char *name)
{
    struct fake *f = host->self;
    snprintf(f->asked, PATH, "%.100s/%.20s/%.40s", f->dir, f->is_full ? "nowhere" : "out", name);
    return f->asked;
}

static const void *fake_table(const struct sheaf_host *host, const char *id)
{
    static const struct sheaf_keys keys = {sizeof keys, fake_count, fake_key};
    static const struct sheaf_cache cache = {.struct_size = sizeof cache, .get = fake_get};
    static const struct sheaf_files files = {sizeof files, fake_path};
    const struct fake *f = host->self;
    if (strcmp(id, SHEAF_KEYS_TABLE) == 0 && f->n > 0)
        return &keys;
    return strcmp(id, SHEAF_CACHE_TABLE) == 0   ? (const void *)&cache
           : strcmp(id, SHEAF_FILES_TABLE) == 0 ? (const void *)&files
                                                : NULL;
}

static int setup(void **state)
{
    struct fake *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->host = (struct sheaf_host){
        .self = f, .fail = fake_fail, .stop_requested = fake_stop, .emit = fake_emit, .table = fake_table};
    snprintf(f->dir, sizeof f->dir, "/tmp/transpose-test-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    char out[PATH + 8];
    snprintf(out, sizeof out, "%s/out", f->dir);
    assert_int_equal(mkdir(out, 0777), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fake *f = *state;
    char command[PATH + 16];
    snprintf(command, sizeof command, "rm -r %s", f->dir);
    int rc = system(command); /* the name is ours */
    while (f->n_caches > 0)
        free(f->caches[--f->n_caches]);
    free(f);
    return rc;
}

/* One more input file; the keys are in the order of their bytes. */
static void add(struct fake *f, const char *name, const char *text)
{
    snprintf(f->paths[f->n], PATH, "%.100s/%.100s", f->dir, name);
    FILE *out = fopen(f->paths[f->n++], "w");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, strlen(text), out), strlen(text));
    assert_int_equal(fclose(out), 0);
}

/* describe with this config, and open. */
static int32_t open_it(struct fake *f, const char *config, void **state)
{
    struct sheaf_descriptor d = {0};
    const struct sheaf_dataset none = {0};
    int32_t status = sheaf_plugin_entry.describe(&f->host, config, &d);
    if (status == SHEAF_OK_STATUS)
        status = sheaf_plugin_entry.open(&f->host, config, &none, state);
    return status;
}

static int32_t run_all(struct fake *f, void *plugin)
{
    int32_t status = SHEAF_OK_STATUS;
    for (uint32_t i = 0; i < f->n && status == SHEAF_OK_STATUS; i++) {
        const struct sheaf_task task = {.key = {.kind = SHEAF_KEY_PATH, .index = i, .text = f->paths[i]}};
        status = sheaf_plugin_entry.run(&f->host, plugin, &task, NULL);
    }
    return status;
}

static void run_it(struct fake *f, const char *config)
{
    void *plugin = NULL;
    if (open_it(f, config, &plugin) != SHEAF_OK_STATUS)
        fail_msg("%s", f->reason);
    assert_int_equal(run_all(f, plugin), SHEAF_OK_STATUS);
    sheaf_plugin_entry.close(&f->host, plugin);
}

static void check_file(const struct fake *f, const char *name, const char *text)
{
    char path[2 * PATH], is[4096];
    snprintf(path, sizeof path, "%s/out/%s", f->dir, name);
    FILE *in = fopen(path, "r");
    if (!in)
        fail_msg("there is no %s", name);
    size_t n = fread(is, 1, sizeof is - 1, in);
    fclose(in);
    is[n] = '\0';
    assert_string_equal(is, text);
}

/* The config is static in the plugin: each test gives both. */
#define DEFAULTS "{\"by\": \"date\", \"name\": \"symbol\"}"

static void rows_go_to_the_file_of_their_day(void **state)
{
    struct fake *f = *state;
    add(f, "AB-C.csv", "date,p,q\n2020-02-29,1.50,x\n2020-01-02,007,\n");
    add(f, "AB.csv",
        "\xef\xbb\xbf"
        "date,p,q\r\n2020-01-02,-0.0,\"a,\"\"b\"\r\n\r\n2021-12-31,1e5, z");
    add(f, "E.csv", "date,p,q\n");
    run_it(f, "{}");
    check_file(f, "2020-01-02.csv", "symbol,p,q\nAB,-0.0,\"a,\"\"b\"\nAB-C,007,\n");
    check_file(f, "2020-02-29.csv", "symbol,p,q\nAB-C,1.50,x\n");
    check_file(f, "2021-12-31.csv", "symbol,p,q\nAB,1e5, z\n");
    assert_true(f->files == 3 && f->rows == 4);
}

static void the_day_may_be_any_column(void **state)
{
    struct fake *f = *state;
    add(f, "a,b.csv", "symbol,\"day\",q\n1,\"2020-01-02\",3\n");
    add(f, "c.txt", "symbol,\"day\",q\n4,2020-01-02,6\n");
    run_it(f, "{\"by\":\"day\",\"name\":\"of, \"}");
    check_file(f, "2020-01-02.csv", "\"of, \",symbol,q\n\"a,b\",1,3\nc,4,6\n");
    f->n = 0;
    add(f, "last.csv", "x,day\n1,2020-03-01\n");
    run_it(f, " { \"name\" : \"n\" , \"by\" : \"day\" } ");
    check_file(f, "2020-03-01.csv", "n,x\nlast,1\n");
    f->n = 0;
    add(f, "only.csv",
        "\xef\xbb\xbf"
        "day\n2020-03-02\n");
    run_it(f, "{\"by\":\"day\",\"name\":\"n\"}");
    check_file(f, "2020-03-02.csv", "n\nonly\n");
}

static void many_files_are_as_many_tasks(void **state)
{
    struct fake *f = *state;
    char expected[2000] = "symbol,p\n";
    for (int i = 0; i < 70; i++) {
        char name[16], text[64];
        snprintf(name, sizeof name, "%02d.csv", i);
        snprintf(text, sizeof text, "date,p\n%d-01-01,%d\n2100-06-05,%d\n", 1900 + i % 7, i, i);
        add(f, name, text);
        snprintf(expected + strlen(expected), 32, "%02d,%d\n", i, i);
    }
    run_it(f, DEFAULTS);
    assert_true(f->files == 8 && f->rows == 140);
    check_file(f, "2100-06-05.csv", expected);
    check_file(f, "1903-01-01.csv", "symbol,p\n03,3\n10,10\n17,17\n24,24\n31,31\n38,38\n45,45\n52,52\n59,59\n66,66\n");
}

static const struct {
    const char *text, *line;
} wrong[] = {
    {"", "B.csv:1: its first line has to name the columns, and is empty"},
    {"\n2020-01-02,1,2\n", "B.csv:1: its first line has to name the columns, and is empty"},
    {"date,p\n", "B.csv:1: its columns are not those of A.csv (date,p,q)"},
    {"date,p,q\n2020-01-02,1\n", "B.csv:2: it has 2 columns, and the header has 3"},
    {"date,p,q\n\n2020-01-02\n", "B.csv:3: it has 1 column, and the header has 3"},
    {"date,p,q\n2020-01-02,\"1,2,3\n", "B.csv:2: a quoted field does not end where it should"},
    {"date,p,q\n2020-01-02,\"1\"2,3\n", "B.csv:2: a quoted field does not end where it should"},
    {"date,p,q\n\"2020-01-02\",\"1\",2,3\n", "B.csv:2: it has 4 columns, and the header has 3"},
    {"date,p,q\n2019-02-29,1,2\n", "B.csv:2: '2019-02-29' is not a day: write YYYY-MM-DD"},
    {"date,p,q\n20190228,1,2\n", "B.csv:2: '20190228' is not a day: write YYYY-MM-DD"},
    {"date,p,q\n2019-13-01,1,2\n", "B.csv:2: '2019-13-01' is not a day: write YYYY-MM-DD"},
    {"date,p,q\n0000-01-01,1,2\n", "B.csv:2: '0000-01-01' is not a day: write YYYY-MM-DD"},
    {"date,p,q\n2020-1a-01,1,2\n", "B.csv:2: '2020-1a-01' is not a day: write YYYY-MM-DD"},
    {"date,p,q\n2020-01-02,1,2\n2020-01-03,1,2\n2020-01-02,3,4\n",
     "B.csv:4: it has the day 2020-01-02 again, which line 2 has"},
};

/* A line without the test's folder. */
static void without_folder(const struct fake *f, char *text)
{
    char folder[PATH + 2];
    snprintf(folder, sizeof folder, "%s/", f->dir);
    for (char *at; (at = strstr(text, folder)) != NULL;)
        memmove(at, at + strlen(folder), strlen(at + strlen(folder)) + 1);
}

static void check_refused(struct fake *f, const char *config, const char *line)
{
    void *plugin = NULL;
    assert_int_equal(open_it(f, config, &plugin), SHEAF_FAILED);
    without_folder(f, f->reason);
    assert_string_equal(f->reason, line);
    assert_null(plugin);
}

static void a_wrong_line_is_named_with_its_file(void **state)
{
    struct fake *f = *state;
    add(f, "A.csv", "date,p,q\n2020-01-02,1,2\n");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        f->n = 1;
        add(f, "B.csv", wrong[i].text);
        check_refused(f, DEFAULTS, wrong[i].line);
    }
    const struct input both[] = {{f->paths[0], "A"}, {f->paths[1], "B"}}; /* and in one part with it */
    const struct part_rule rule = {"", "symbol"};
    char why[ROW_WHY];
    struct part_maker *maker = part_maker_create(&rule);
    assert_non_null(maker);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        f->n = 1;
        add(f, "B.csv", wrong[i].text);
        assert_null(part_make(maker, both, 2, why));
        without_folder(f, why);
        assert_string_equal(why, wrong[i].line);
    }
    assert_non_null(part_make(maker, both, 1, why)); /* as if nothing had been wrong */
    part_maker_destroy(maker);
}

static void what_cannot_be_read_or_told_apart_is_refused(void **state)
{
    struct fake *f = *state;
    check_refused(f, DEFAULTS, "its input is the sweep's keys: add keys: {files: \"FOLDER/*.csv\"}");
    add(f, "A.csv", "date,symbol\n");
    check_refused(f, DEFAULTS,
                  "A.csv:1: it has a column symbol; say what the column of the files' names is to be called: config: "
                  "{name: ...}");
    check_refused(f, "{\"by\":\"day\",\"name\":\"n\"}", "A.csv:1: it has no column day; its columns are date,symbol");
    add(f, "A.txt", "date,symbol\n");
    check_refused(f, DEFAULTS, "A.csv and A.txt are both called A");
    f->n = 1;
    assert_int_equal(unlink(f->paths[0]), 0);
    check_refused(f, DEFAULTS, "A.csv: No such file or directory");
    static const char *const configs[] = {"",
                                          "[]",
                                          "{\"by\":1}",
                                          "{\"to\":\"x\"}",
                                          "{\"by\":\"a\\\"b\"}",
                                          "{} x",
                                          "{\"by\":\"x\"",
                                          "{\"by\":\"x\" \"name\":\"y\"}",
                                          "{\"by\":\"\"}"};
    for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++)
        check_refused(f, configs[i],
                      "config takes {by: COLUMN, name: COLUMN} or less: the column of the days, and what the "
                      "column of the files' names is to be called");
}

static void what_cannot_be_written_fails_the_task(void **state)
{
    struct fake *f = *state;
    void *plugin = NULL;
    add(f, "A.csv", "date,p\n2020-01-02,1\n");
    f->is_short = true;
    assert_int_equal(open_it(f, DEFAULTS, &plugin), SHEAF_FAILED);
    f->is_short = false;
    assert_int_equal(open_it(f, DEFAULTS, &plugin), SHEAF_OK_STATUS);
    f->is_full = true;
    assert_int_equal(run_all(f, plugin), SHEAF_FAILED);
    assert_string_equal(f->reason, "2020-01-02.csv cannot be written: No such file or directory");
    f->stops = true;
    assert_int_equal(run_all(f, plugin), SHEAF_FAILED);
    assert_string_equal(f->reason, "it was asked to stop");
    sheaf_plugin_entry.close(&f->host, plugin);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(rows_go_to_the_file_of_their_day),
        T(the_day_may_be_any_column),
        T(many_files_are_as_many_tasks),
        T(a_wrong_line_is_named_with_its_file),
        T(what_cannot_be_read_or_told_apart_is_refused),
        T(what_cannot_be_written_fails_the_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
