/* SPDX-License-Identifier: MIT
 *
 * disk: for each file the bytes that are on the device and what was done since; for each folder the same with names. The files
 * that the program sees are real ones, which are written anew after a power cut.
 */
#define _GNU_SOURCE
#include "disk.h"

#include "common/buf.h"
#include "common/err.h"
#include "common/fsutil.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512u
#define MAX_FDS 4096

/* A write (bytes) or a new size (none). */
struct change {
    struct change *next;
    uint64_t at;
    size_t n;
    uint8_t bytes[];
};

struct entry {
    char name[256];
    struct node *node; /* NULL = no such name any more */
};

/* One or two names that change at once. */
struct renaming {
    struct entry e[2];
    uint32_t n;
};

struct node {
    struct node *all;    /* every node */
    struct node *parent; /* of a folder */
    bool is_dir;
    struct buf durable; /* a file's bytes; a folder's entries */
    struct buf live;    /* a folder's entries */
    struct buf names;   /* a folder's renamings since it was synced */
    struct change *first, **last;
};

static struct {
    char root[256];
    struct node *top, *all;
    struct node *fds[MAX_FDS];
    uint64_t changes, stop_at;
    bool stopped, lies;
    uint64_t fail_at;
    unsigned fail_calls;
    int fail_with;
    bool fail_forever, failed;
    struct rnd r; /* for what a failed sync loses */
} disk;

uint64_t rnd_next(struct rnd *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t rnd_below(struct rnd *r, uint64_t n)
{
    return rnd_next(r) % n;
}

/* ---- nodes and names ---- */

static struct node *node_new(bool is_dir, struct node *parent)
{
    struct node *n = calloc(1, sizeof(*n));
    SHEAF_ASSERT(n);
    n->is_dir = is_dir;
    n->parent = parent;
    n->last = &n->first;
    n->all = disk.all;
    disk.all = n;
    return n;
}

static void changes_free(struct node *n)
{
    while (n->first) {
        struct change *c = n->first;
        n->first = c->next;
        free(c);
    }
    n->last = &n->first;
}

static struct entry *entry_find(const struct buf *entries, const char *name)
{
    struct entry *e = (struct entry *)(void *)entries->data;
    for (size_t i = 0; i < entries->len / sizeof(*e); i++) {
        if (strcmp(e[i].name, name) == 0)
            return &e[i];
    }
    return NULL;
}

static void entry_set(struct buf *entries, const struct entry *e)
{
    struct entry *old = entry_find(entries, e->name);
    if (old)
        old->node = e->node;
    else
        SHEAF_ASSERT(buf_append(entries, e, sizeof(*e)) == 0);
}

static struct node *child(const struct node *dir, const char *name, size_t len)
{
    char text[256];
    SHEAF_ASSERT(len < sizeof(text));
    memcpy(text, name, len);
    text[len] = '\0';
    struct entry *e = entry_find(&dir->live, text);
    return e ? e->node : NULL;
}

/* The folder that a path lies in, and its last name in e; the folder itself is a name of nobody ("") for the root. */
static struct node *locate(const char *path, struct entry *e)
{
    struct node *dir = disk.top;
    const char *at = path + strlen(disk.root);
    memset(e, 0, sizeof(*e));
    for (;;) {
        at += strspn(at, "/");
        size_t n = strcspn(at, "/");
        if (at[n + strspn(at + n, "/")] == '\0') {
            SHEAF_ASSERT(n < sizeof(e->name));
            memcpy(e->name, at, n);
            e->node = n ? child(dir, e->name, n) : NULL;
            return dir;
        }
        dir = child(dir, at, n);
        SHEAF_ASSERT(dir && dir->is_dir);
        at += n;
    }
}

static void rename_in(struct node *dir, const struct renaming *r)
{
    for (uint32_t i = 0; i < r->n; i++)
        entry_set(&dir->live, &r->e[i]);
    SHEAF_ASSERT(buf_append(&dir->names, r, sizeof(*r)) == 0);
}

/* ---- what the program does ---- */

static int before(enum io_call call)
{
    static const unsigned changing = 1u << IO_CREATE | 1u << IO_WRITE | 1u << IO_SIZE | 1u << IO_SYNC | 1u << IO_NAME;
    if (changing >> call & 1) {
        disk.changes++;
        if (disk.stop_at && --disk.stop_at == 0)
            disk.stopped = true;
    }
    if (disk.stopped)
        return EIO;
    if (!(disk.fail_calls >> call & 1) || !disk.fail_at)
        return 0;
    if (disk.fail_at > 1) {
        disk.fail_at--;
        return 0;
    }
    disk.failed = true;
    disk.fail_at = disk.fail_forever;
    return disk.fail_with;
}

static void on_opened(int fd, const char *path, bool made, bool truncated)
{
    struct entry e;
    struct node *dir = locate(path, &e);
    struct node *n = e.name[0] ? e.node : dir;
    if (made && n && n->is_dir) /* O_TMPFILE */
        n = node_new(false, NULL);
    else if (made) {
        e.node = n = node_new(false, NULL);
        rename_in(dir, &(struct renaming){.e = {e}, .n = 1});
    }
    SHEAF_ASSERT(n && fd < MAX_FDS && !(truncated && !made));
    disk.fds[fd] = n;
}

static void on_opened_parent(int fd, int of)
{
    disk.fds[fd] = disk.fds[of] ? disk.fds[of]->parent : NULL; /* none above the root */
}

static void on_closed(int fd)
{
    disk.fds[fd] = NULL;
}

static void add_change(struct node *n, const void *bytes, size_t len, uint64_t at)
{
    struct change *c = malloc(sizeof(*c) + len);
    SHEAF_ASSERT(c);
    *c = (struct change){.at = at, .n = len};
    if (len)
        memcpy(c->bytes, bytes, len);
    *n->last = c;
    n->last = &c->next;
}

static void on_wrote(int fd, const void *bytes, size_t n, off_t at)
{
    add_change(disk.fds[fd], bytes, n, (uint64_t)at);
}

static void on_sized(int fd, off_t size)
{
    add_change(disk.fds[fd], NULL, 0, (uint64_t)size);
}

static void grow(struct buf *b, uint64_t size)
{
    if (size > b->len) {
        SHEAF_ASSERT(buf_reserve(b, size - b->len) == 0);
        memset(b->data + b->len, 0, size - b->len);
        b->len = size;
    }
}

static void put(struct buf *b, const struct change *c)
{
    grow(b, c->at + c->n);
    if (c->n)
        memcpy(b->data + c->at, c->bytes, c->n);
    else
        b->len = c->at;
}

/* Any of its sectors. */
static void put_sectors(struct buf *b, const struct change *c, struct rnd *r)
{
    for (uint64_t at = c->at, end; at < c->at + c->n; at = end) {
        end = (at / SECTOR + 1) * SECTOR;
        end = end < c->at + c->n ? end : c->at + c->n;
        if (rnd_below(r, 2))
            continue;
        grow(b, end);
        memcpy(b->data + at, c->bytes + (at - c->at), end - at);
    }
}

/* What a sync that fails leaves of a write: all, nothing or some of it. The size is kept elsewhere, and stays. */
static void put_some(struct buf *b, const struct change *c, struct rnd *r)
{
    grow(b, c->at + c->n);
    uint64_t fate = rnd_below(r, 3);
    if (fate == 0)
        put(b, c);
    else if (fate == 1)
        put_sectors(b, c, r);
}

static void sync_names(struct node *n)
{
    n->durable.len = n->names.len = 0;
    SHEAF_ASSERT(n->live.len == 0 || buf_append(&n->durable, n->live.data, n->live.len) == 0);
}

static void on_synced(int fd, bool ok)
{
    struct node *n = disk.fds[fd];
    if (!n || disk.lies || disk.stopped)
        return;
    if (n->is_dir) {
        if (ok)
            sync_names(n);
        return;
    }
    for (const struct change *c = n->first; c; c = c->next) {
        if (ok || c->n == 0)
            put(&n->durable, c);
        else
            put_some(&n->durable, c, &disk.r);
    }
    changes_free(n);
}

static void on_made_dir(const char *path)
{
    struct entry e;
    struct node *dir = locate(path, &e);
    e.node = node_new(true, dir);
    rename_in(dir, &(struct renaming){.e = {e}, .n = 1});
}

static void on_unlinked(const char *path)
{
    struct entry e;
    struct node *dir = locate(path, &e);
    e.node = NULL;
    rename_in(dir, &(struct renaming){.e = {e}, .n = 1});
}

static void on_renamed(const char *from, const char *to)
{
    struct entry old, new;
    struct node *dir = locate(from, &old);
    SHEAF_ASSERT(locate(to, &new) == dir);
    new.node = old.node;
    old.node = NULL;
    rename_in(dir, &(struct renaming){.e = {old, new}, .n = 2});
}

static void on_linked(const char *from, int from_fd, const char *to)
{
    struct entry e, old = {.node = NULL};
    if (from)
        locate(from, &old);
    struct node *dir = locate(to, &e);
    e.node = from ? old.node : disk.fds[from_fd];
    rename_in(dir, &(struct renaming){.e = {e}, .n = 1});
}

static const struct io_observer disk_observer = {
    .before = before,
    .opened = on_opened,
    .opened_parent = on_opened_parent,
    .closed = on_closed,
    .wrote = on_wrote,
    .sized = on_sized,
    .synced = on_synced,
    .made_dir = on_made_dir,
    .unlinked = on_unlinked,
    .renamed = on_renamed,
    .linked = on_linked,
};

/* ---- begin and end ---- */

void disk_begin(const char *root)
{
    memset(&disk, 0, sizeof(disk));
    SHEAF_ASSERT(strlen(root) < sizeof(disk.root));
    strcpy(disk.root, root);
    disk.top = node_new(true, NULL);
    io_observe(root, &disk_observer);
}

void disk_end(void)
{
    io_observe(NULL, NULL);
    while (disk.all) {
        struct node *n = disk.all;
        disk.all = n->all;
        changes_free(n);
        buf_finish(&n->durable);
        buf_finish(&n->live);
        buf_finish(&n->names);
        free(n);
    }
}

void disk_stop_at(uint64_t n)
{
    disk.stop_at = n;
}

bool disk_has_stopped(void)
{
    return disk.stopped;
}

uint64_t disk_changes(void)
{
    return disk.changes;
}

void disk_fail_at(uint64_t n, unsigned calls, int errnum, bool forever)
{
    disk.fail_at = n;
    disk.fail_calls = calls;
    disk.fail_with = errnum;
    disk.fail_forever = forever;
    disk.failed = false;
}

bool disk_has_failed(void)
{
    return disk.failed;
}

void disk_lies(bool lies)
{
    disk.lies = lies;
}

/* ---- the power goes ---- */

/* What became of the changes of one file or folder. */
enum fate { NONE_WRITTEN, ALL_WRITTEN, SOME_WRITTEN, SOME_SECTORS, SIZE_FIRST, FATES };

static void lose_bytes(struct node *n, struct rnd *r)
{
    enum fate fate = (enum fate)rnd_below(r, FATES);
    for (const struct change *c = n->first; c; c = c->next) {
        if (fate == SIZE_FIRST)
            grow(&n->durable, c->at + c->n);
        if (fate == NONE_WRITTEN || (fate != ALL_WRITTEN && rnd_below(r, 2)))
            continue;
        if (fate >= SOME_SECTORS && c->n && rnd_below(r, 2))
            put_sectors(&n->durable, c, r);
        else
            put(&n->durable, c);
    }
    changes_free(n);
}

static void lose_names(struct node *n, struct rnd *r)
{
    enum fate fate = (enum fate)rnd_below(r, SOME_WRITTEN + 1);
    const struct renaming *all = (const struct renaming *)(const void *)n->names.data;
    for (size_t i = 0; i < n->names.len / sizeof(*all); i++) {
        if (fate == NONE_WRITTEN || (fate == SOME_WRITTEN && rnd_below(r, 2)))
            continue;
        for (uint32_t k = 0; k < all[i].n; k++)
            entry_set(&n->durable, &all[i].e[k]);
    }
    n->names.len = n->live.len = 0;
    SHEAF_ASSERT(n->durable.len == 0 || buf_append(&n->live, n->durable.data, n->durable.len) == 0);
}

static void write_out(const struct node *n, const char *path)
{
    if (n->is_dir) {
        const struct entry *e = (const struct entry *)(const void *)n->durable.data;
        SHEAF_ASSERT(mkdir(path, 0700) == 0);
        for (size_t i = 0; i < n->durable.len / sizeof(*e); i++) {
            char below[600];
            snprintf(below, sizeof(below), "%s/%s", path, e[i].name);
            if (e[i].node)
                write_out(e[i].node, below);
        }
        return;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    SHEAF_ASSERT(fd >= 0 && (!n->durable.len || write(fd, n->durable.data, n->durable.len) == (ssize_t)n->durable.len));
    close(fd);
}

static void go_on(void)
{
    for (int fd = 0; fd < MAX_FDS; fd++)
        SHEAF_ASSERT(!disk.fds[fd]);
    disk.stopped = false;
    disk.stop_at = disk.fail_at = 0;
}

void disk_killed(void)
{
    go_on();
}

void disk_power_went(struct rnd *r)
{
    go_on();
    for (struct node *n = disk.all; n; n = n->all) {
        if (n->is_dir)
            lose_names(n, r);
        else
            lose_bytes(n, r);
    }
    io_pause(true);
    SHEAF_ASSERT(dir_remove(disk.root) == 0);
    write_out(disk.top, disk.root);
    io_pause(false);
}
