/* SPDX-License-Identifier: MIT
 *
 * fstype for Linux: by the magic number that statfs gives. Cluster file systems whose locks and fsync are coherent
 * (GFS2, OCFS2) are not in the table.
 */
#include "broker/fstype.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/vfs.h>

static const struct {
    uint32_t magic;
    const char *name;
} network[] = {
    {0x6969, "NFS"},        {0x517B, "SMB"},        {0xFE534D42, "SMB"},    {0xFF534D42, "CIFS"}, {0x01021997, "9P"},
    {0x00C36400, "CephFS"}, {0x0BD00BD0, "Lustre"}, {0x5346414F, "AFS"},    {0x6B414653, "AFS"},  {0x73757245, "Coda"},
    {0x564C, "NCP"},        {0x47504653, "GPFS"},   {0x19830326, "BeeGFS"},
};

const char *fstype_network(const char *path)
{
    struct statfs fs;
    if (statfs(path, &fs) != 0)
        return NULL;
    for (size_t i = 0; i < sizeof(network) / sizeof(network[0]); i++) {
        if (network[i].magic == (uint32_t)fs.f_type)
            return network[i].name;
    }
    return NULL;
}
