/* SPDX-License-Identifier: MIT
 *
 * slotfiles: see slotfiles.h.
 */
#include "worker/slotfiles.h"

#include "common/procinfo.h"
#include "sweep/outdir.h"

#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct slotfiles {
    struct outdir dir;
    struct taskfiles files;
};

int slotfiles_open(const struct plan *p, struct slotfiles **out, struct diag *d)
{
    *out = NULL;
    if (!plan_has_files(p))
        return 0;
    struct slotfiles *f = calloc(1, sizeof *f);
    if (!f)
        return diag_fail(d, SHEAF_ENOMEM, "out of memory");
    f->files.fd = -1;
    int rc = outdir_open(p, &f->dir, d);
    if (rc)
        free(f);
    else
        *out = f;
    return rc;
}

void slotfiles_close(struct slotfiles *f)
{
    if (!f)
        return;
    taskfiles_remove(&f->files);
    outdir_close(&f->dir);
    free(f);
}

int slotfiles_path(struct slotfiles *f, const char *name, char out[TASKFILES_PATH], struct diag *d)
{
    int rc = f->files.fd < 0 ? outdir_make(&f->dir, &f->files, d) : 0;
    return rc ? rc : taskfiles_path(&f->files, name, out, d);
}

/* Is there no room left? Then nobody knows whether the plugin has looked at what its writes returned. */
static bool is_full(const struct slotfiles *f)
{
    struct statvfs st;
    if (fstatvfs(f->files.fd, &st) != 0 || st.f_blocks == 0)
        return false;
    return (geteuid() == 0 ? st.f_bfree : st.f_bavail) == 0 || (st.f_files > 0 && st.f_favail == 0);
}

/* What is still to be written to a file that is open would be missing in it, or come later. */
static int check_closed(const struct slotfiles *f, struct diag *d)
{
    char name[256];
    return procinfo_writes_below(f->files.fd, name, sizeof name)
               ? diag_fail(d, SHEAF_EINVAL, "output %s: the task has left its file %s open; close it",
                           f->dir.plan->output_dir, name)
               : 0;
}

int slotfiles_end(struct slotfiles *f, uint64_t index, bool failed, struct diag *d)
{
    if (f->files.fd < 0 || !f->files.used)
        return 0;
    int rc = is_full(f)
                 ? diag_fail(d, SHEAF_ENOSPC, "output %s: the device is full%s", f->dir.plan->output_dir, OUTDIR_ROOM)
                 : 0;
    rc = rc || failed ? rc : check_closed(f, d);
    rc = rc || failed ? rc : taskfiles_list(&f->files, d);
    rc = rc || failed ? rc : outdir_publish(&f->dir, &f->files, index, d);
    if (rc || failed)
        taskfiles_clear(&f->files);
    else
        taskfiles_moved(&f->files);
    return rc;
}
