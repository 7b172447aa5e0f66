/* SPDX-License-Identifier: MIT
 *
 * list: intrusive doubly linked list. The head is a node of its own; a node that is in no list points to itself, so
 * that unlinking twice is harmless.
 */
#ifndef SHEAF_COMMON_LIST_H
#define SHEAF_COMMON_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

#define list_entry(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

/* The body may unlink (and free) `it`. */
#define list_each(it, after, head)                                                                                     \
    for (struct list *it = (head)->next, *after = it->next; it != (head); it = after, after = it->next)

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}
static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}
static inline void list_append(struct list *head, struct list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}
static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

#endif
