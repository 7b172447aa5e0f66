/* SPDX-License-Identifier: MIT
 *
 * slotoutput: see slotoutput.h.
 */
#include "worker/slotoutput.h"
#include "common/fsutil.h"
#include "data/dataset.h"
#include "sweep/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALIGN 64u

struct staged {
    void *row;
    bool touched; /* asked for by this task: it was cleared then */
    bool clear;   /* as output_clear leaves it */
};

struct slotoutput {
    const struct plan *plan;
    int fd; /* -1 = rows are dropped */
    bool running;
    struct staged at[]; /* one an output */
};

static int open_file(struct slotoutput *o, struct diag *d)
{
    const struct plan *p = o->plan;
    char path[OUTPUT_PATH];
    struct stat st;
    int rc = output_part_path(p, path, d);
    if (rc)
        return rc;
    o->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (o->fd < 0)
        return diag_fail(d, file_error(errno), "output %s: the file that it is made in cannot be opened: %s",
                         p->output_path, strerror(errno));
    if (fstat(o->fd, &st) != 0 || (uint64_t)st.st_size != p->output_bytes)
        return diag_fail(d, SHEAF_ECORRUPT, "output %s: the file that it is made in has another size", p->output_path);
    return 0;
}

int slotoutput_open(const struct plan *p, struct slotoutput **out, struct diag *d)
{
    uint32_t n = p->plugin.n_outputs;
    *out = NULL;
    if (n == 0)
        return 0;
    struct slotoutput *o = calloc(1, sizeof *o + n * sizeof o->at[0]);
    if (!o)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    o->plan = p;
    o->fd = -1;
    for (uint32_t i = 0; i < n; i++) {
        size_t bytes = (size_t)p->plugin.outputs[i].row_bytes;
        o->at[i].row = aligned_alloc(ALIGN, (bytes + ALIGN - 1) / ALIGN * ALIGN);
        if (!o->at[i].row) {
            slotoutput_close(o);
            return diag_fail(d, SHEAF_ENOMEM, "out of memory for a row of %zu bytes", bytes);
        }
    }
    int rc = plan_has_output(p) ? open_file(o, d) : 0;
    if (rc)
        slotoutput_close(o);
    else
        *out = o;
    return rc;
}

void slotoutput_close(struct slotoutput *o)
{
    if (!o)
        return;
    if (o->fd >= 0)
        close(o->fd);
    for (uint32_t i = 0; i < o->plan->plugin.n_outputs; i++)
        free(o->at[i].row);
    free(o);
}

void slotoutput_begin(struct slotoutput *o)
{
    for (uint32_t i = 0; i < o->plan->plugin.n_outputs; i++)
        o->at[i].touched = false;
    o->running = true;
}

static void clear(const struct slotoutput *o, uint32_t i)
{
    const struct plan_output *of = &o->plan->plugin.outputs[i];
    output_clear(o->at[i].row, of->dtype, of->row_bytes / dtype_size(of->dtype));
}

void *slotoutput_row(struct slotoutput *o, uint32_t output)
{
    if (!o || !o->running || output >= o->plan->plugin.n_outputs)
        return NULL;
    struct staged *s = &o->at[output];
    if (!s->touched && !s->clear)
        clear(o, output);
    s->touched = true;
    s->clear = false;
    return s->row;
}

static int write_row(const struct slotoutput *o, uint32_t i, uint64_t index, struct diag *d)
{
    const struct plan_output *of = &o->plan->plugin.outputs[i];
    const char *at = o->at[i].row;
    uint64_t left = of->row_bytes, offset = of->offset + index * of->row_bytes;
    while (left > 0) {
        ssize_t n = pwrite(o->fd, at, (size_t)left, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return diag_fail(d, file_error(errno), "output %s: a row of %s cannot be written: %s", o->plan->output_path,
                             of->name, strerror(errno));
        at += n;
        offset += (uint64_t)n;
        left -= (uint64_t)n;
    }
    return 0;
}

int slotoutput_store(struct slotoutput *o, uint64_t index, struct diag *d)
{
    int rc = 0;
    o->running = false;
    for (uint32_t i = 0; o->fd >= 0 && !rc && i < o->plan->plugin.n_outputs; i++) {
        struct staged *s = &o->at[i];
        if (!s->touched && !s->clear) { /* what an earlier task left there */
            clear(o, i);
            s->clear = true;
        }
        rc = write_row(o, i, index, d);
    }
    return rc;
}
