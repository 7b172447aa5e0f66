/* SPDX-License-Identifier: MIT
 *
 * journal_script: the steps of the journal's target, as seeds_journal.c writes and journal_fuzz.c reads them: changes to a
 * journal of two sweeps before it is opened.
 */
#ifndef SHEAF_TESTS_FUZZ_JOURNAL_SCRIPT_H
#define SHEAF_TESTS_FUZZ_JOURNAL_SCRIPT_H

/* Numbers little-endian. */
enum journal_step {
    JOURNAL_STEP_VALUE, /* arg: a column of journal_columns; 1 byte: which row, from the first; 1: NULL, number, text or blob;
                           the rest: it */
    JOURNAL_STEP_PATCH, /* 4 bytes: where in the file; the rest goes there */
    JOURNAL_STEP_CUT,   /* 4 bytes: the file ends there */
    JOURNAL_STEP_LOG,   /* goes to the end of the write-ahead log */
    JOURNAL_STEP_COPY,  /* arg: a table of journal_tables; its first row comes again under another number */
};

static const char *const journal_tables[] = {"run", "log", "grp"};

static const char *const journal_columns[] = {
    "sweep.name",   "sweep.wall_ms",  "sweep.state",      "sweep.reason", "sweep.frontier", "sweep.seconds",
    "sweep.slots",  "sweep.verified", "plan.identity",    "plan.plan",    "snapshot.state", "run.sweep",
    "run.first",    "run.n",          "run.failed",       "run.status",   "run.scores",     "failure.position",
    "failure.kind", "failure.reason", "failure.attempts", "failure.tail", "log.position",   "log.level",
    "log.text",     "grp.position",   "grp.name",         "grp.value",    "sweep.sweep",    "plan.sweep",
};

#endif
