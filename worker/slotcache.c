/* SPDX-License-Identifier: MIT
 *
 * slotcache: host->cache in a slot. The crew says who builds (worker/keeper.h); the builder fills memory that it maps for
 * writing only while it builds, and afterwards maps it read-only like everybody else. Values of a size that only their builder
 * knows are to the crew caches of size 0, which the builder makes longer: their size stands in front of them.
 */
#define _GNU_SOURCE
#include "worker/slothost.h"
#include "common/err.h"
#include "common/procinfo.h"
#include "worker/keeper.h"
#include "worker/memfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_BYTES 64u /* in front of a value of unknown size: its size, and room so that it stays aligned */
#define UNKNOWN UINT64_MAX

struct slotcache {
    struct slotcache *next;
    const void *memory;
    size_t mapped; /* bytes */
    uint64_t size; /* UNKNOWN: see the head */
    char name[];
};

/* Whichever function builds. */
struct builder {
    uint64_t size; /* or UNKNOWN */
    sheaf_build_fn build;
    sheaf_make_fn make;
    void *user;
};

static struct slotcache *find(struct slotcache *c, const char *name)
{
    while (c && strcmp(c->name, name) != 0)
        c = c->next;
    return c;
}

/* There are no mappings of no bytes. */
static size_t map_size(uint64_t size)
{
    return size ? (size_t)size : 1;
}

static const void *complain(struct slothost *h, const char *text)
{
    h->host.fail(&h->host, text);
    return NULL;
}

/* Reserves before the first write: on a full tmpfs a write into a hole is a SIGBUS. */
static void *map_for_building(struct slothost *h, int fd, uint64_t size)
{
    int error = posix_fallocate(fd, 0, (off_t)map_size(size));
    void *memory = MAP_FAILED;
    if (!error) {
        memory = mmap(NULL, map_size(size), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        error = errno;
    }
    if (memory != MAP_FAILED)
        return memory;
    struct diag d;
    diag_fail(&d, SHEAF_ENOSPC, "cache: no memory of %llu bytes: %s", (unsigned long long)size, strerror(error));
    return (void *)(uintptr_t)complain(h, d.text);
}

static bool make_here(struct slothost *h, int fd, const struct builder *b)
{
    const void *bytes = NULL;
    uint64_t size = 0;
    h->building = true;
    int32_t status = b->make(&h->host, b->user, &bytes, &size);
    h->building = false;
    if (status != SHEAF_OK_STATUS)
        return false;
    if (size > INT64_MAX - HEAD_BYTES || size > procinfo_available_bytes())
        return complain(h, "cache: there is no memory for what was built");
    uint8_t *memory = map_for_building(h, fd, HEAD_BYTES + size);
    if (!memory)
        return false;
    memcpy(memory, &size, sizeof size);
    if (size > 0)
        memcpy(memory + HEAD_BYTES, bytes, (size_t)size);
    munmap(memory, (size_t)(HEAD_BYTES + size));
    return true;
}

static bool build_here(struct slothost *h, int fd, const struct builder *b)
{
    if (b->make)
        return make_here(h, fd, b);
    void *memory = map_for_building(h, fd, b->size);
    if (!memory)
        return false;
    h->building = true;
    int32_t status = b->build(&h->host, memory, b->size, b->user);
    h->building = false;
    munmap(memory, map_size(b->size));
    return status == SHEAF_OK_STATUS;
}

/* Maps what the crew has sealed and remembers it. Private: before Linux 6.7 what is sealed against writing cannot be mapped
 * shared, and the pages are the same. */
static const void *adopt(struct slothost *h, const char *name, uint64_t size, int fd)
{
    struct stat st;
    size_t name_bytes = strlen(name) + 1;
    struct slotcache *c = malloc(sizeof *c + name_bytes);
    void *memory = MAP_FAILED;
    uint64_t least = size == UNKNOWN ? HEAD_BYTES : size;
    if (c && memfile_check_sealed(fd) == 0 && fstat(fd, &st) == 0 && (uint64_t)st.st_size >= least) {
        c->mapped = map_size(size == UNKNOWN ? (uint64_t)st.st_size : size);
        memory = mmap(NULL, c->mapped, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    if (memory == MAP_FAILED) {
        free(c);
        return complain(h, "cache: the memory cannot be mapped");
    }
    c->memory = memory;
    c->size = size;
    memcpy(c->name, name, name_bytes);
    c->next = h->caches;
    h->caches = c;
    return memory;
}

static const void *fetch(struct slothost *h, const char *name, const struct builder *b)
{
    struct slotlink *l = h->link;
    if (h->scope != h->said_scope) { /* most plugins never ask, and it need not be known */
        slotlink_say(l, SLOT_SCOPE, h->scope, NULL);
        h->said_scope = h->scope;
    }
    slotlink_ask(l, SLOT_ASK, b->size == UNKNOWN ? 0 : b->size, name);
    if (l->reply.type == SLOT_BUILD) {
        bool built = build_here(h, l->reply_fd, b);
        close(l->reply_fd);
        if (!built) {
            slotlink_say(l, SLOT_UNBUILT, 0, NULL);
            return NULL;
        }
        slotlink_ask(l, SLOT_BUILT, 0, NULL);
    }
    if (l->reply.type != SLOT_CACHE)
        return complain(h, l->reply_text);
    const void *memory = adopt(h, name, b->size, l->reply_fd);
    close(l->reply_fd);
    return memory;
}

static const void *get(struct slothost *h, const char *name, const struct builder *b)
{
    if (!name || (!b->build && !b->make) || strlen(name) > KEEPER_MAX_NAME)
        return complain(h, "cache: it takes a name of at most 255 bytes and a build function");
    const struct slotcache *c = find(h->caches, name);
    if (c)
        return c->size == b->size ? c->memory : complain(h, "cache: the same name was used with another size");
    if (h->building)
        return complain(h, "cache: called inside a build function");
    if (b->size > INT64_MAX && b->size != UNKNOWN)
        return complain(h, "cache: no memory is that large");
    return fetch(h, name, b);
}

const void *slotcache_get(struct slothost *h, const char *name, uint64_t size, sheaf_build_fn build, void *user)
{
    const struct builder b = {.size = size == UNKNOWN ? UNKNOWN - 1 : size, .build = build, .user = user};
    return get(h, name, &b);
}

static const void *get_any(const struct sheaf_host *host, const char *name, sheaf_make_fn make, void *user,
                           uint64_t *size)
{
    const struct builder b = {.size = UNKNOWN, .make = make, .user = user};
    const uint8_t *memory = get(host->self, name, &b);
    if (!memory)
        return NULL;
    memcpy(size, memory, sizeof *size);
    return memory + HEAD_BYTES;
}

static void unmap_first(struct slotcache **list)
{
    struct slotcache *c = *list;
    *list = c->next;
    munmap((void *)(uintptr_t)c->memory, c->mapped);
    free(c);
}

/* False: it is not among these. */
static bool release_from(struct slotcache **list, const void *mapped)
{
    for (; *list; list = &(*list)->next)
        if ((*list)->memory == mapped) {
            unmap_first(list);
            return true;
        }
    return false;
}

static void release(const struct sheaf_host *host, const void *memory)
{
    struct slothost *h = host->self;
    const void *mapped = (const uint8_t *)memory - HEAD_BYTES;
    if (!release_from(&h->former_caches, mapped))
        (void)release_from(&h->caches, mapped);
}

void slotcache_enter(struct slothost *h, uint64_t scope, bool keeps)
{
    struct slotcache **end = &h->caches;
    h->scope = scope;
    while (!keeps && h->caches)
        unmap_first(&h->caches);
    while (*end)
        end = &(*end)->next;
    *end = h->former_caches;
    h->former_caches = h->caches;
    h->caches = NULL;
}

const struct sheaf_cache slotcache_table = {
    .struct_size = sizeof(struct sheaf_cache), .get = get_any, .release = release};
