/* SPDX-License-Identifier: MIT
 *
 * fingerprint: of a machine's floating-point arithmetic: a digest over a fixed battery of libm calls. The same libm picks other
 * code on another CPU, so only machines of one fingerprint are promised the same bits from a plugin that calls it.
 */
#ifndef SHEAF_WORKER_FINGERPRINT_H
#define SHEAF_WORKER_FINGERPRINT_H

#include "common/hash.h"

void fingerprint_compute(uint8_t out[HASH_BYTES]);

#endif
