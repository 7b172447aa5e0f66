/* SPDX-License-Identifier: MIT
 *
 * fstype: is a directory on a network file system? There, locks and fsync may not mean what the journal relies on.
 */
#ifndef SHEAF_BROKER_FSTYPE_H
#define SHEAF_BROKER_FSTYPE_H

/* The name of the network file system that path is on ("NFS"), or NULL: local, or unknown. Static. FUSE counts as local: it may
 * be either, and many local file systems come that way. The portable twin cannot tell and answers NULL. */
const char *fstype_network(const char *path);

#endif
