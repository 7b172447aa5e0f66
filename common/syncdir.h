/* SPDX-License-Identifier: MIT
 *
 * syncdir: many small files of one folder forced to the device. Linux does so for a whole file system at once, when it is asked to;
 * elsewhere each file is synced when it has its name. Who makes files calls syncdir_name for each, who vouches for them
 * syncdir_all. One of the two does the work.
 */
#ifndef SHEAF_COMMON_SYNCDIR_H
#define SHEAF_COMMON_SYNCDIR_H

/* What has that name below the folder ("a/b/c") is complete. 0, or -1 with errno. */
int syncdir_name(int folder, const char *name);

/* All that was written below the folder, by whatever process, is on the device when this returns 0; -1 with errno. The descriptor
 * should be opened before the files are written, so that an error in the meantime is told of here. */
int syncdir_all(int folder);

#endif
