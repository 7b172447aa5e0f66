/* SPDX-License-Identifier: MIT
 *
 * keeper: caches that are built once a machine and shared by all slots of one plugin, config and dataset. Who asks first
 * builds, the others wait. A builder that dies or whose build fails is replaced by the next who waits, on fresh
 * memory: a failure is told to the one whose build failed and to nobody else, so each asker tries once at most.
 *
 * Entries live while a slot of their group (plugin, config, dataset, trial of the sweep that made it) lives, and beyond until a slot of
 * another group joins.
 */
#ifndef SHEAF_WORKER_KEEPER_H
#define SHEAF_WORKER_KEEPER_H

#include "sweep/plan.h"
#include "worker/slotmsg.h"

#define KEEPER_MAX_NAME 255u
#define KEEPER_MAX_CACHES 4096u /* of one group */

struct keeper;

/* Answers a slot: SLOT_BUILD and SLOT_CACHE with fd (the keeper's), SLOT_NO_CACHE with text. */
typedef void (*keeper_send_fn)(void *ctx, uint32_t slot, enum slotmsg_type type, int fd, const char *text);

/* NULL when out of memory. */
struct keeper *keeper_create(uint32_t n_slots, keeper_send_fn send, void *ctx);
void keeper_destroy(struct keeper *k);

/* A slot starts for this plan. */
void keeper_join(struct keeper *k, uint32_t slot, const struct plan *plan);

/* SLOT_SCOPE: from now on the slot's caches are those of this number (a trial of earlier sweeps); 0 at first. */
void keeper_scope(struct keeper *k, uint32_t slot, uint64_t scope);

/* SLOT_ASK, SLOT_BUILT, SLOT_UNBUILT. Wrong ones are answered with SLOT_NO_CACHE or ignored. */
void keeper_ask(struct keeper *k, uint32_t slot, const char *name, uint64_t size);
void keeper_built(struct keeper *k, uint32_t slot, bool ok);

/* A slot has ended. */
void keeper_leave(struct keeper *k, uint32_t slot);

#endif
