/* SPDX-License-Identifier: MIT
 *
 * prepare: from a sweep file to a plan: reads the file, lets a short-lived child describe the plugin, opens the dataset's
 * header, and has everything checked. Whatever is wrong is found here, before any broker exists.
 */
#ifndef SHEAF_CLI_PREPARE_H
#define SHEAF_CLI_PREPARE_H

#include "common/hash.h"
#include "data/dataset.h"
#include "sweep/plan.h"
#include "sweep/sources.h"
#include "sweep/sweepfile.h"
#include "worker/describe.h"

/* What the stages of a file have made, as far as they are done. */
struct prepare_made {
    const struct sweep_stages *stages;
    struct {
        bool done;
        bool known; /* it has an output file, and this is its digest */
        uint8_t digest[HASH_BYTES];
    } at[SWEEP_MAX_STAGES];
};

struct prepared {
    struct arena arena; /* plan and descriptor live here */
    struct sweepfile *file;
    struct sources sources; /* its datasets */
    struct dataset *data[PLAN_MAX_DATA];
    const char *data_mark[PLAN_MAX_DATA]; /* of each file before it was opened */
    const char *
        drop_in; /* the caller's: a probe, whose rows nobody wants, and whose files are made in a folder there; NULL = it is none */
    const struct prepare_made *made; /* the caller's: data of stages must be these; NULL = nothing is known of them */
    struct plan plan;
    struct buf bytes;                    /* the plan, encoded */
    struct describe_meanwhile meanwhile; /* the caller's: what to do while the plugin is described */
    uint8_t identity[HASH_BYTES];
};

/* Empty; prepare_finish is allowed at any time afterwards. */
void prepare_init(struct prepared *p);
void prepare_finish(struct prepared *p);

/* Parses the sweep file only, of which `text` was read: what can be refused at once is. */
int prepare_read(struct prepared *p, const char *path, const struct buf *text, const struct sweep_overrides *o,
                 struct diag *d);

/* All the rest, after prepare_read. 0 or an error with one line in d that names the place in the sweep file. */
int prepare_plan(struct prepared *p, struct diag *d);

/* Checks, after prepare_read, a stage before those have run whose data it takes: as much as can be known without them. *waits: some of
 * them are not there, or, where it is known what the stages have made, not what they have made. 0 or an error with one line in d. */
int prepare_check(struct prepared *p, bool *waits, struct diag *d);

/* Bytes of all datasets. */
uint64_t prepare_data_bytes(const struct prepared *p);

/* May what the plan makes go where it says, for a sweep that begins now? Else the error of output_check or outdir_check. */
int prepare_check_places(const struct plan *p, struct diag *d);

/* Checks the datasets' chunks against their digests, once for each file: the state directory (NULL or not there: nobody) remembers it.
 * Files above PREPARE_VERIFY_BYTES are left to `sheaf inspect --verify`. 0, or SHEAF_ECORRUPT with a line that names the place. */
#define PREPARE_VERIFY_BYTES ((uint64_t)1 << 30)
int prepare_verify(struct prepared *p, const char *state_root, struct diag *d);

#endif
