/* SPDX-License-Identifier: MIT
 *
 * yamltree: one YAML document as a tree of nodes that remember their place. A deliberately small YAML: no anchors,
 * aliases, tags or further documents, keys are texts and unique. Input is hostile: bytes, depth, nodes and keys of
 * a map are capped.
 */
#ifndef SHEAF_SWEEP_YAMLTREE_H
#define SHEAF_SWEEP_YAMLTREE_H

#include "common/arena.h"
#include "common/err.h"
#include "sweep/place.h"
#include "sweep/scalar.h"

#include <stddef.h>
#include <stdint.h>

#define YAMLTREE_BYTES ((size_t)8 << 20)
#define YAMLTREE_NODES (1u << 18)
#define YAMLTREE_DEPTH 32u
#define YAMLTREE_KEYS 4096u

enum ynode_kind { YNODE_SCALAR, YNODE_LIST, YNODE_MAP };

struct ynode {
    uint32_t kind; /* enum ynode_kind */
    struct place at;
    struct scalar value; /* SCALAR */
    struct ynode *key;   /* the scalar in front of it, when the parent is a map */
    struct ynode *parent;
    struct ynode *first, *last, *next; /* members of a list or map, in the file's order */
    uint32_t n;
    uint32_t hash; /* of a key's text */
};

/* Parses `bytes` into *root, which lives in `arena` with copies of all texts. source: as places name it, must outlive
 * the tree; with_lines false: places are the source alone. *root is NULL for an empty document. 0, SHEAF_ENOMEM, or SHEAF_EINVAL with
 * a line in d. */
int yamltree_parse(const char *source, bool with_lines, const char *bytes, size_t len, struct arena *arena,
                   struct ynode **root, struct diag *d);

/* The member of a map with that key; NULL when there is none, or when map is NULL or no map. */
struct ynode *ynode_get(const struct ynode *map, const char *key);

/* The node at "a.b.c" below root, NULL when there is none. */
struct ynode *ynode_find(const struct ynode *root, const char *path);

/* Puts value under key, in place of an old value or at the end. */
void ynode_put(struct ynode *map, struct ynode *key, struct ynode *value);

/* A fresh map, or a scalar with a text, at that place; NULL when the arena is exhausted. */
struct ynode *ynode_map(const struct place *at, struct arena *arena);
struct ynode *ynode_text(const struct place *at, const char *text, size_t len, struct arena *arena);

/* What a node is, for error texts: 1.5, "abc", empty, a list, a map. Returns out. */
const char *ynode_show(const struct ynode *n, char out[SCALAR_SHOWN]);

#endif
