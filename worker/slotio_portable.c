/* SPDX-License-Identifier: MIT
 *
 * slotio elsewhere: what is printed goes through the pipes, and belongs to the slot rather than to a task.
 */
#include "worker/slotio.h"

#include <stdio.h>

void slotio_init(struct slothost *h)
{
    (void)h;
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
}

bool slotio_pending(void)
{
    return false;
}

void slotio_flush(void)
{
    fflush(stdout);
}
