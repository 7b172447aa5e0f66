/* SPDX-License-Identifier: MIT
 *
 * seeds_descriptor: an honest plugin's descriptor.
 */
#include "sweep/sweepfile_fixture.h"
#include "tests/fuzz/descriptor_sweep.h"
#include "tests/fuzz/seeds.h"

void seeds_descriptor(const char *dir)
{
    struct buf out = {0}, bytes = {0};
    SHEAF_ASSERT(codec_encode(&plan_plugin_codec, &fixture_plugin, &bytes) == 0);
    script_put(&out, 0, 0, bytes.data, bytes.len);
    seed_write(dir, "descriptor", "honest", &out);
    script_put(&out, 1, 0, DESCRIPTOR_SWEEP, sizeof(DESCRIPTOR_SWEEP) - 1);
    seed_write(dir, "descriptor", "both", &out);
    buf_finish(&out);
    buf_finish(&bytes);
}
