/* SPDX-License-Identifier: MIT
 *
 * memfile: memory without a name that is handed to another process as a descriptor. On Linux a memfd, whose seals make
 * shrinking, growing and writing impossible for whoever holds it; elsewhere a file that was unlinked as it was made.
 */
#ifndef SHEAF_WORKER_MEMFILE_H
#define SHEAF_WORKER_MEMFILE_H

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

struct memfile {
    int rw, ro; /* -1 = none. Both may be the same descriptor */
    uint64_t size;
};

#define MEMFILE_NONE                                                                                                   \
    {                                                                                                                  \
        .rw = -1, .ro = -1, .size = 0                                                                                  \
    }

/* size zero bytes, not yet reserved; close-on-exec. 0, SHEAF_ENOSPC or SHEAF_EIO with a line in d. */
int memfile_create(struct memfile *m, uint64_t size, struct diag *d);

/* From now on the size is fixed, for every holder. */
int memfile_fix_size(struct memfile *m);

/* From now on nobody can write, and rw is gone. SHEAF_EBUSY when somebody still has it mapped for writing. */
int memfile_seal(struct memfile *m);

void memfile_close(struct memfile *m);

/* Can nobody change what is behind this descriptor, as far as the system can say? */
int memfile_check_sealed(int fd);

#endif
