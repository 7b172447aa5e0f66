/* SPDX-License-Identifier: MIT
 *
 * yamltree: libyaml's events into nodes. Recursion is bounded by YAMLTREE_DEPTH; each event is freed in the function
 * that received it.
 */
#include "sweep/yamltree.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

struct builder {
    yaml_parser_t parser;
    const char *source;
    bool with_lines;
    const char *bytes;
    size_t len;
    struct arena *arena;
    struct diag *d;
    uint32_t nodes, depth;
};

static struct place place_of(const struct builder *b, const yaml_mark_t *mark)
{
    if (!b->with_lines)
        return (struct place){.source = b->source};
    return (struct place){b->source, (uint32_t)mark->line + 1, (uint32_t)mark->column + 1};
}

/* A decoding error has an offset in bytes and no mark. */
static struct place place_of_byte(const struct builder *b, size_t offset)
{
    yaml_mark_t mark = {0};
    for (size_t i = 0; i < offset; i++) {
        bool newline = b->bytes[i] == '\n';
        mark.line += newline;
        mark.column = newline ? 0 : mark.column + 1;
    }
    return place_of(b, &mark);
}

static int no_memory(struct builder *b)
{
    return diag_fail(b->d, SHEAF_ENOMEM, "%s: out of memory while reading it", b->source);
}

/* What libyaml says, and what its reader needs to know. */
static const struct {
    const char *problem, *context; /* the beginnings of libyaml's texts; NULL: any */
    const char *text;
    bool begin; /* the place is where the thing begins that went wrong */
} plain_words[] = {
    {"found unexpected end of stream", "while scanning a quoted scalar",
     "this quote is never closed; write the other one", true},
    {"found unexpected document indicator", "while scanning a quoted scalar",
     "this quote is never closed; write the other one", true},
    {"found unknown escape character", NULL, "no such escape; write \\\\ for a backslash, or use single quotes", false},
    {"did not find expected ',' or ']'", NULL, "a ',' or ']' is missing here; write it, or put the text in quotes",
     false},
    {"did not find expected ',' or '}'", NULL, "a ',' or '}' is missing here; write it, or put the text in quotes",
     false},
    {"did not find expected key", NULL, "wrong indentation; fields of one map begin in the same column", false},
    {"did not find expected '-' indicator", NULL, "wrong indentation; the '-' of one list stand in the same column",
     false},
    {"mapping values are not allowed", NULL,
     "a ':' where none belongs; write a blank after FIELD:, indent fields alike, put texts with ': ' in quotes", false},
    {"block sequence entries are not allowed", NULL, "a '- ' where no list can begin; write it on a line of its own",
     false},
    {"found unexpected ':'", NULL, "a ':' where none belongs; write a blank behind it, or put the text in quotes",
     false},
    {"could not find expected ':'", NULL, "a ':' is missing after this; write FIELD: VALUE", true},
    {"found a tab character", NULL, "a tab; indent with blanks", false},
    {"did not find expected <document start>", NULL, "a second document begins here; one sweep a file, so cut it off",
     false},
};

static bool begins_with(const char *text, const char *begin)
{
    return begin == NULL || (text != NULL && strncmp(text, begin, strlen(begin)) == 0);
}

/* Marks count characters. */
static size_t byte_of(const struct builder *b, size_t index)
{
    size_t i = 0, n = 0;
    for (; i < b->len && n <= index; i++)
        n += ((unsigned char)b->bytes[i] & 0xC0) != 0x80;
    return n > index ? i - 1 : b->len;
}

/* A character that begins no value: most often a tab, '@' or '`'. */
static int wrong_character(struct builder *b, const struct place *at)
{
    const yaml_parser_t *p = &b->parser;
    size_t i = byte_of(b, p->problem_mark.index);
    char c = i < b->len ? b->bytes[i] : '\0';
    if (c == '@' || c == '`' || c == '%')
        return place_fail(at, b->d, "not valid YAML: no text begins with '%c'; put it in quotes", c);
    return place_fail(at, b->d, "not valid YAML: %s",
                      c == '\t' ? "a tab; indent with blanks"
                                : "a character that begins no value; indent with blanks, put texts in quotes");
}

static int not_text(struct builder *b, const char *problem)
{
    struct place at = place_of_byte(b, b->parser.problem_offset);
    if (b->parser.problem_offset < b->len && b->bytes[b->parser.problem_offset] == '\0')
        return place_fail(&at, b->d, "a NUL byte; save the file as UTF-8 text");
    if (begins_with(problem, "control characters"))
        return place_fail(&at, b->d, "a control character; remove it");
    return place_fail(&at, b->d, "not UTF-8 text: %s; save the file as UTF-8", problem);
}

/* A bracket that nothing follows is better told where it opens. */
static bool is_at_end(const struct builder *b)
{
    size_t i = b->len;
    while (i > 0 && strchr(" \t\r\n", b->bytes[i - 1]) != NULL)
        i--;
    return byte_of(b, b->parser.problem_mark.index) >= i;
}

static int parser_failed(struct builder *b)
{
    const yaml_parser_t *p = &b->parser;
    if (p->error == YAML_MEMORY_ERROR)
        return no_memory(b);
    const char *problem = p->problem != NULL ? p->problem : "unknown problem";
    if (p->error == YAML_READER_ERROR)
        return not_text(b, problem);
    struct place at = place_of(b, &p->problem_mark), begin = place_of(b, &p->context_mark);
    if (begins_with(problem, "found character that cannot start"))
        return wrong_character(b, &at);
    if (begins_with(p->context, "while parsing a flow") && is_at_end(b))
        return place_fail(&begin, b->d, "not valid YAML: this bracket is never closed; write the other one");
    for (size_t i = 0; i < sizeof plain_words / sizeof plain_words[0]; i++)
        if (begins_with(problem, plain_words[i].problem) && begins_with(p->context, plain_words[i].context))
            return place_fail(plain_words[i].begin ? &begin : &at, b->d, "not valid YAML: %s", plain_words[i].text);
    return place_fail(&at, b->d, "not valid YAML: %s; check brackets, quotes and indentation", problem);
}

static int next_event(struct builder *b, yaml_event_t *e)
{
    return yaml_parser_parse(&b->parser, e) ? 0 : parser_failed(b);
}

static uint32_t hash_key(const char *text)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (; *text != '\0'; text++)
        h = (h ^ (unsigned char)*text) * 16777619u;
    return h;
}

static struct ynode *make_node(uint32_t kind, const struct place *at, struct arena *arena)
{
    struct ynode *n = arena_alloc(arena, sizeof *n);
    if (n != NULL) {
        n->kind = kind;
        n->at = *at;
    }
    return n;
}

static int refuse_extras(struct builder *b, const struct place *at, const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor != NULL)
        return place_fail(at, b->d, "anchors (&%.40s) are not part of a sweep file; write the value out",
                          (const char *)anchor);
    static const char core[] = "tag:yaml.org,2002:"; /* written !! */
    bool is_core = begins_with((const char *)tag, core);
    if (tag != NULL)
        return place_fail(at, b->d, "tags (%s%.40s) are not part of a sweep file; put texts in quotes instead",
                          is_core ? "!!" : "", (const char *)tag + (is_core ? sizeof core - 1 : 0));
    if (++b->nodes > YAMLTREE_NODES)
        return place_fail(at, b->d, "more than %u values; put long lists of trials into a file (search: list)",
                          YAMLTREE_NODES);
    return 0;
}

static int build_scalar(struct builder *b, const yaml_event_t *e, struct ynode **out)
{
    struct place at = place_of(b, &e->start_mark);
    const char *text = (const char *)e->data.scalar.value;
    size_t len = e->data.scalar.length;
    int err = refuse_extras(b, &at, e->data.scalar.anchor, e->data.scalar.tag);
    if (err != 0)
        return err;
    if (memchr(text, '\0', len) != NULL)
        return place_fail(&at, b->d, "a text with a NUL character; remove it");
    struct ynode *n = ynode_text(&at, text, len, b->arena);
    if (n == NULL)
        return no_memory(b);
    n->value = scalar_parse(n->value.text, len, e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE);
    *out = n;
    return 0;
}

static int build_node(struct builder *b, yaml_event_t *e, struct ynode **out);

static void append(struct ynode *parent, struct ynode *child)
{
    child->parent = parent;
    if (parent->last != NULL)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->n++;
}

static int build_list(struct builder *b, struct ynode *list)
{
    for (;;) {
        yaml_event_t e;
        int err = next_event(b, &e);
        if (err != 0)
            return err;
        if (e.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&e);
            return 0;
        }
        struct ynode *child;
        err = build_node(b, &e, &child);
        if (err != 0)
            return err;
        append(list, child);
    }
}

static int check_key(struct builder *b, const struct ynode *map, const struct ynode *key)
{
    if (key->kind != YNODE_SCALAR || key->value.len == 0)
        return place_fail(&key->at, b->d, "a key must be a text; write FIELD: VALUE");
    const struct ynode *twin = ynode_get(map, key->value.text);
    if (twin != NULL && twin->key->at.line > 0)
        return place_fail(&key->at, b->d, "%.80s stands here a second time (first in line %u); remove one",
                          key->value.text, twin->key->at.line);
    if (twin != NULL)
        return place_fail(&key->at, b->d, "%.80s stands here twice; remove one", key->value.text);
    if (map->n >= YAMLTREE_KEYS)
        return place_fail(&key->at, b->d, "more than %u fields in one map; use fewer", YAMLTREE_KEYS);
    return 0;
}

static int build_map(struct builder *b, struct ynode *map)
{
    for (;;) {
        yaml_event_t e;
        int err = next_event(b, &e);
        if (err != 0)
            return err;
        if (e.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&e);
            return 0;
        }
        struct ynode *key, *child;
        err = build_node(b, &e, &key);
        if (err == 0)
            err = check_key(b, map, key);
        if (err == 0)
            err = next_event(b, &e);
        if (err == 0)
            err = build_node(b, &e, &child);
        if (err != 0)
            return err;
        key->hash = hash_key(key->value.text);
        child->key = key;
        append(map, child);
    }
}

static int build_collection(struct builder *b, const yaml_event_t *e, struct ynode **out)
{
    bool map = e->type == YAML_MAPPING_START_EVENT;
    struct place at = place_of(b, &e->start_mark);
    int err = map ? refuse_extras(b, &at, e->data.mapping_start.anchor, e->data.mapping_start.tag)
                  : refuse_extras(b, &at, e->data.sequence_start.anchor, e->data.sequence_start.tag);
    if (err != 0)
        return err;
    if (b->depth >= YAMLTREE_DEPTH)
        return place_fail(&at, b->d, "more than %u levels deep; write it flatter", YAMLTREE_DEPTH);
    struct ynode *n = make_node(map ? YNODE_MAP : YNODE_LIST, &at, b->arena);
    if (n == NULL)
        return no_memory(b);
    b->depth++;
    err = map ? build_map(b, n) : build_list(b, n);
    b->depth--;
    *out = n;
    return err;
}

/* Consumes e. */
static int build_node(struct builder *b, yaml_event_t *e, struct ynode **out)
{
    struct place at = place_of(b, &e->start_mark);
    int err;
    if (e->type == YAML_SCALAR_EVENT)
        err = build_scalar(b, e, out);
    else if (e->type == YAML_ALIAS_EVENT)
        err = place_fail(&at, b->d, "aliases (*%.40s) are not part of a sweep file; write the value out",
                         (const char *)e->data.alias.anchor);
    else
        err = build_collection(b, e, out);
    yaml_event_delete(e);
    return err;
}

/* Stream start, one document, stream end. */
static int build_document(struct builder *b, struct ynode **root)
{
    bool seen = false;
    for (;;) {
        yaml_event_t e;
        int err = next_event(b, &e);
        if (err != 0)
            return err;
        yaml_event_type_t type = e.type;
        if (type == YAML_DOCUMENT_START_EVENT && seen) {
            struct place at = place_of(b, &e.start_mark);
            yaml_event_delete(&e);
            return place_fail(&at, b->d, "a second document begins here; one sweep a file, so cut it off");
        }
        if (type == YAML_STREAM_START_EVENT || type == YAML_STREAM_END_EVENT || type == YAML_DOCUMENT_START_EVENT ||
            type == YAML_DOCUMENT_END_EVENT) {
            yaml_event_delete(&e);
            if (type == YAML_STREAM_END_EVENT)
                return 0;
            continue;
        }
        seen = true;
        err = build_node(b, &e, root);
        if (err != 0)
            return err;
    }
}

int yamltree_parse(const char *source, bool with_lines, const char *bytes, size_t len, struct arena *arena,
                   struct ynode **root, struct diag *d)
{
    if (len >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) { /* what some editors put in front of UTF-8 */
        bytes += 3;
        len -= 3;
    }
    struct builder b = {.source = source, .with_lines = with_lines, .bytes = bytes, .len = len, .arena = arena, .d = d};
    if (len > YAMLTREE_BYTES)
        return diag_fail(d, SHEAF_EINVAL,
                         "%s: larger than %zu MiB; put long lists of trials into a file (search: list)", source,
                         YAMLTREE_BYTES >> 20);
    if (!yaml_parser_initialize(&b.parser))
        return no_memory(&b);
    yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING); /* else it takes UTF-16, too */
    yaml_parser_set_input_string(&b.parser, (const unsigned char *)bytes, len);
    *root = NULL;
    int err = build_document(&b, root);
    yaml_parser_delete(&b.parser);
    return err;
}

struct ynode *ynode_get(const struct ynode *map, const char *key)
{
    if (map == NULL || map->kind != YNODE_MAP)
        return NULL;
    uint32_t hash = hash_key(key);
    for (struct ynode *n = map->first; n != NULL; n = n->next)
        if (n->key->hash == hash && strcmp(n->key->value.text, key) == 0)
            return n;
    return NULL;
}

struct ynode *ynode_find(const struct ynode *root, const char *path)
{
    char name[128];
    for (;;) {
        size_t n = strcspn(path, ".");
        if (n >= sizeof name)
            return NULL;
        memcpy(name, path, n);
        name[n] = '\0';
        struct ynode *found = ynode_get(root, name);
        if (found == NULL || path[n] == '\0')
            return found;
        root = found;
        path += n + 1;
    }
}

void ynode_put(struct ynode *map, struct ynode *key, struct ynode *value)
{
    struct ynode *old = ynode_get(map, key->value.text);
    key->hash = hash_key(key->value.text);
    value->key = key;
    if (old == NULL) {
        append(map, value);
        return;
    }
    struct ynode **link = &map->first;
    while (*link != old)
        link = &(*link)->next;
    *link = value;
    value->next = old->next;
    value->parent = map;
    if (map->last == old)
        map->last = value;
}

struct ynode *ynode_map(const struct place *at, struct arena *arena)
{
    return make_node(YNODE_MAP, at, arena);
}

struct ynode *ynode_text(const struct place *at, const char *text, size_t len, struct arena *arena)
{
    struct ynode *n = make_node(YNODE_SCALAR, at, arena);
    const char *copy = arena_text(arena, text, len);
    if (n == NULL || copy == NULL)
        return NULL;
    n->value = scalar_parse(copy, len, true);
    return n;
}

const char *ynode_show(const struct ynode *n, char out[SCALAR_SHOWN])
{
    if (n->kind == YNODE_SCALAR)
        return scalar_show(&n->value, out);
    snprintf(out, SCALAR_SHOWN, n->kind == YNODE_LIST ? "a list" : "a map");
    return out;
}
