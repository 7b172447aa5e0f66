/* SPDX-License-Identifier: MIT
 *
 * part: some of the input files turned by day: for every day the rows of these files, in their order, as they are going to be
 * written. One block of memory without pointers, which slots share; it is as large as the files' text, and the files are read once
 * to make it.
 */
#ifndef TRANSPOSE_PART_H
#define TRANSPOSE_PART_H

#include "row.h"

/* One input file. */
struct input {
    const char *path;
    char symbol[ROW_TEXT]; /* its name without folder and ending, as a field */
};

struct part_day {
    uint64_t at;   /* where its text begins, counted from the part; it ends where the next one's begins */
    uint32_t day;  /* as row_day says */
    uint32_t rows; /* of it */
};

struct part {
    uint64_t size; /* bytes of it all */
    uint64_t rows;
    uint32_t n_days;        /* ascending */
    uint32_t header;        /* bytes of the files' header, which stands behind the days */
    struct part_day days[]; /* n_days and one more, the end */
};

/* What every file is read with. */
struct part_rule {
    const char *by, *name; /* as row_header takes them */
};

/* What makes parts, one after another, in the same memory: as much as the text of one part takes three times. */
struct part_maker;

/* rule must outlive it. NULL when memory is short. */
struct part_maker *part_maker_create(const struct part_rule *rule);
void part_maker_destroy(struct part_maker *m);

/* Reads n files, at least one, whose symbols ascend. The part is the maker's, until it makes the next one. NULL with a line in `why`, which
 * names file and line. */
const struct part *part_make(struct part_maker *m, const struct input *files, uint32_t n, char why[ROW_WHY]);

/* The header of the files, without its line break: part->header bytes. */
const char *part_header(const struct part *p);

/* The entry of a day, NULL = none of the files has it. */
const struct part_day *part_find(const struct part *p, uint32_t day);

#endif
