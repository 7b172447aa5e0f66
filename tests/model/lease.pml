/* SPDX-License-Identifier: MIT
 *
 * lease: the protocol of leases and acknowledgements between broker, journal and workers, as built. docs/model.md says what is
 * abstracted, why that hides no error, what the searches cost, and which broken protocols they were tried on.
 *
 * One sweep of N tasks; sets of positions are bit masks. The state is Promela's; each step is a C function named after the one that it
 * stands for, whose file is said beside it, and happens at once. Which step comes next is Spin's choice, so whatever a clock
 * decides (a worker is lost, a lease is missed in beats, the grace period ends, a report is sent again) may happen at any moment.
 *
 * The network is the set of all messages that were ever sent: each may arrive at any time, any number of times, in any order,
 * or never, also after its sender has died. A GRANT arrives once unless DUP is set.
 *
 * What is checked, by must():
 *   count()    a position is counted once, and by the report of a worker that was granted it, of this very sweep
 *   commit()   the journal never holds a position twice
 *   ack()      what is acknowledged is durable, or the end of the sweep is
 *   sane()     no position is lost: each is done, pending, or in a live lease
 *   alone()    two workers never hold the same position, but for second runs, and after faults that allow it (`slack`)
 *   recover()  from every state that can be reached: if nothing fails any more, the sweep ends, with every task done, every
 *              report acknowledged and every lease gone
 *
 * Chosen by -D, off unless given: CRASHES n  kill -9 of the broker; DEATHS n  kill -9 of a worker; LOSE  workers and leases are taken for
 * lost though they live; LATE  hellos and beats are late, the grace period ends early; DUP  grants arrive again; TAKES  tails are
 * taken back; SECOND  a second run; CANCEL 1 or, at once, 2; SUBMIT  the sweep itself is lost with the broker; STRAYS  reports of
 * those who hold nothing; BEST  keep: best, snapshots instead of rows. M_...: broken protocols.
 */
#ifndef N
#define N 3 /* tasks: 2 to 4 */
#endif
#ifndef LEASES
#define LEASES 3 /* that are granted: 2 to 4 */
#endif
#ifndef REPORTS
#define REPORTS 4 /* that are posted: 3 to 6 */
#endif
#ifndef CRASHES
#define CRASHES 0
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef CANCEL
#define CANCEL 0
#endif
#ifndef ROUNDS
#define ROUNDS 6 /* turns that recovery takes at most */
#endif
#define WORKERS 2
#define QUEUE 3 /* batches that the journal has not committed */
#define FIRST 1 /* frontier of a new sweep; it grows by 2 */

#define ALL ((1 << N) - 1)
#define BELOW(a) ((1 << (a)) - 1)
#define RANGE(a, b) (BELOW(b) & ~BELOW(a))

/* What the journal holds. */
byte d_done, d_front = FIRST, d_over, d_sweep = 1; /* d_sweep: which sweep it knows; 0 = none */

/* The broker's: lost when it is killed. */
byte phase = 2, sweep = 1; /* enum phase; which sweep has the number that workers know it by */
byte done, pending = ALL, front = FIRST, asked = FIRST;
byte grace, restored, epoch = 1;
byte known[WORKERS];
byte b_st[LEASES], b_to[LEASES];             /* enum lease_state; end, as lowered */
byte j_n, j_kind[QUEUE], j_arg[QUEUE];       /* handed to the journal, oldest first: enum entry and its mask or number */
byte r_wait[REPORTS];                        /* acknowledgement due after so many commits */
byte dirty, r_snap[REPORTS];                 /* keep: best: results that no snapshot holds; acknowledgement waits for one */

/* Leases as they were granted. */
byte own[LEASES]; /* worker + 1; 0 = not granted yet */
byte from[LEASES], gto[LEASES], l_epoch[LEASES], l_sweep[LEASES], second[LEASES];

/* The workers'. */
byte alive[WORKERS] = 1;
byte w_st[LEASES], w_todo[LEASES], w_to[LEASES];
byte r_lease[REPORTS]; /* lease + 1; 0 = not posted yet */
byte r_runs[REPORTS], r_closed[REPORTS], r_out[REPORTS]; /* out: in the outbox */

/* Messages on their way. */
byte n_grant[LEASES], n_drop[LEASES], n_ack[REPORTS]; /* n_drop: 1, with `now` 2 */
byte n_taken[LEASES];                                 /* set of the ends that a TAKEN named */
byte s_kind[WORKERS], s_old[WORKERS];                 /* BEAT 1, HELLO 2; sent to a broker that has died since */
byte s_st[LEASES], s_to[LEASES];                      /* listed in it 1, with positions left 2; end */

/* What only the checks know. */
byte slack; /* two workers may hold one position: something was taken for lost that was not */
byte crashes, deaths, cancels, doubled, finished;
byte bad;   /* which check failed, as in must() */

c_decl {
    enum phase { ABSENT, LOADING, RUNNING, STOPPING, ENDING, FINAL }; /* ABSENT: the broker knows no such sweep */
    enum lease_state { NO, LIVE, REVOKED, OPEN = 1, CLOSED };       /* at the broker; at the worker */
    enum entry { RUNS = 1, FRONTIER, STATE, STOPPED, SWEEP };               /* enum journal_kind */
    enum check { TWICE = 1, NOT_HELD, OTHER_SWEEP, ROW_TWICE, NOT_DURABLE, LOST, PENDING_DONE, TWO_HOLD, NO_END, NOT_DONE, NOT_ACKED,
                 LEASE_LEFT, MODEL };
}

c_code {
    static const char *const checks[] = {
        "", "a position was counted twice", "a report counted that was not granted", "a report counted for another sweep",
        "the journal holds a position twice", "acknowledged, but not durable", "a position is lost", "a position is pending and done",
        "two workers hold a position", "the sweep does not end", "the sweep ends unfinished", "a report is never acknowledged",
        "a lease never ends", "the model's tables are too small",
    };

    static void must(int holds, enum check which)
    {
        if (!holds && !now.bad) {
            printf("model: %s\n", checks[which]);
            now.bad = which;
        }
    }

    static int in_lease(int l)
    {
        return RANGE(now.from[l], now.b_to[l]);
    }

    static void sane(void)
    {
        int covered = now.done | now.pending;
        if (now.phase != RUNNING)
            return;
        for (int l = 0; l < LEASES; l++)
            if (now.b_st[l] == LIVE && !now.second[l])
                covered |= in_lease(l);
        must(covered == ALL, LOST);
        must((now.pending & now.done) == 0, PENDING_DONE);
    }

    /* Positions go to worker w: nobody else holds one of them. */
    static void alone(int w, int positions)
    {
        for (int l = 0; l < LEASES; l++)
            if (now.own[l] && now.own[l] != w + 1 && !now.second[l] && now.w_st[l] == OPEN && now.l_sweep[l] == now.sweep)
                must(now.slack || (now.w_todo[l] & positions) == 0, TWO_HOLD);
    }

    /* ---- broker/ingest.c: the journal's batches, acknowledgements ---- */

    static void batch_push(enum entry kind, int arg)
    {
        now.j_kind[now.j_n] = (uchar)kind;
        now.j_arg[now.j_n++] = (uchar)arg;
    }

    static void ack(int r) /* broker_say(MSG_ACK) */
    {
        int of_this = now.l_sweep[now.r_lease[r] - 1] == now.d_sweep; /* else of one that was lost before anybody was told of it */
        must((now.r_runs[r] & ~now.d_done) == 0 || now.d_over || !of_this, NOT_DURABLE);
        now.n_ack[r] = now.r_out[r]; /* a second one would change nothing */
    }

    static void ack_later(int r)
    {
        if (r >= REPORTS)
            return; /* a stray's */
#ifdef M_ACK_EARLY
        ack(r);
#else
        if (!now.r_out[r])
            return; /* likewise */
#ifndef M_SNAPSHOT
        if (now.dirty) {
            now.r_snap[r] = 1;
            return;
        }
#endif
        if (now.j_n == 0)
            ack(r);
        else
            now.r_wait[r] = now.j_n;
#endif
    }

    static void snapshot_push(void)
    {
        batch_push(RUNS, now.done);
        now.dirty = 0;
        for (int r = 0; r < REPORTS; r++)
            if (now.r_snap[r]) {
                now.r_snap[r] = 0;
                now.r_wait[r] = now.j_n;
            }
    }

    /* ---- broker/grants.c: what comes back ---- */

    static void lease_revoke(int l)
    {
        if (now.b_st[l] != LIVE)
            return;
#ifndef M_PUT_BACK
        if (now.phase != FINAL && now.phase != ENDING && !now.second[l])
            now.pending |= in_lease(l) & ~now.done; /* sweep_put_back */
#endif
        now.b_st[l] = REVOKED;
    }

    static void lease_free(int l, int back)
    {
        if (back)
            lease_revoke(l);
        now.b_st[l] = NO;
        now.b_to[l] = 0;
    }

    static void lease_close(int l)
    {
        if ((in_lease(l) & ~now.done) == 0)
            lease_free(l, 1);
        else
#ifdef M_CLOSE
            lease_free(l, 0);
#else
            lease_revoke(l);
#endif
    }

    static void worker_lose(int w)
    {
        now.known[w] = 0;
        for (int l = 0; l < LEASES; l++)
            if (now.own[l] == w + 1)
                lease_revoke(l);
    }

    static void grants_drop(int at_once)
    {
        for (int l = 0; l < LEASES; l++) {
            if (!now.own[l])
                continue;
            now.n_drop[l] = at_once || now.n_drop[l] == 2 ? 2 : 1;
            if (at_once)
                lease_free(l, 0);
        }
    }

    /* ---- broker/sweeps.c ---- */

    static void enter_ending(void)
    {
        now.phase = ENDING;
        now.pending = 0;
        if (now.dirty)
            snapshot_push();
        batch_push(STATE, 0);
    }

    static void sweep_check(void)
    {
        int live = 0;
        for (int l = 0; l < LEASES; l++)
            live |= now.b_st[l] == LIVE;
        if ((now.phase == RUNNING || now.phase == STOPPING) && now.done == ALL)
            enter_ending();
        else if (now.phase == STOPPING && !live)
            enter_ending();
    }

    static void enter_running(void)
    {
        now.phase = RUNNING;
        now.pending = ALL & ~now.done;
        for (int l = 0; l < LEASES; l++)
            if (now.b_st[l] == LIVE && !now.second[l])
                now.pending &= ~in_lease(l);
    }

    static void loaded(void)
    {
        now.done |= now.d_done; /* ingest_run of each page; nothing else was counted meanwhile */
        if (now.d_over) {
            now.phase = FINAL;
            return;
        }
        enter_running();
        sweep_check();
    }

    static void sweep_cancel(int at_once)
    {
        now.cancels++;
        if (at_once) { /* sweep_abort */
            grants_drop(1);
            enter_ending();
            return;
        }
        now.phase = STOPPING; /* enter_stopping */
        now.pending = 0;
        batch_push(STOPPED, 0); /* also for the broker that comes after a crash */
        grants_drop(0);
        sweep_check();
    }

    static void sweep_first(void)
    {
        now.sweep++;
        now.phase = RUNNING;
        now.done = 0;
        now.pending = ALL;
        now.asked = now.d_front = FIRST;
#ifdef M_UNBORN
        now.front = FIRST;
#else
        now.front = 0; /* nothing is granted before the journal has it */
#endif
        now.grace = 0;
        batch_push(SWEEP, now.sweep);
    }

    /* broker_durable: the journal has committed one batch more */
    static void commit(void)
    {
        int kind = now.j_kind[0], arg = now.j_arg[0];
        if (kind == RUNS) {
#ifndef BEST
            must((now.d_done & arg) == 0, ROW_TWICE);
#endif
            now.d_done |= arg;
        } else if (kind == FRONTIER)
            now.d_front = now.front = arg;
        else if (kind == SWEEP) {
            now.d_sweep = arg;
            now.front = now.d_front;
        } else
            now.d_over = 1;
        for (int i = 0; i < QUEUE; i++) {
            now.j_kind[i] = i + 1 < QUEUE ? now.j_kind[i + 1] : 0;
            now.j_arg[i] = i + 1 < QUEUE ? now.j_arg[i + 1] : 0;
        }
        now.j_n--;
        for (int r = 0; r < REPORTS; r++) /* acks_send */
            if (now.r_wait[r] && --now.r_wait[r] == 0)
                ack(r);
        if (kind == STATE) { /* EV_DURABLE, enter_final */
            now.phase = FINAL;
            grants_drop(1);
        }
        sane();
    }

    /* ---- broker/ingest.c: a report ---- */

    static void take_run(int w, int l, int runs) /* and count_piece */
    {
#ifdef M_NO_DONE
        int piece = runs;
#else
        int piece = runs & ~now.done;
#endif
        if (!piece)
            return;
        must(now.own[l] == w + 1 && (piece & ~RANGE(now.from[l], now.gto[l])) == 0, NOT_HELD);
        must(now.l_sweep[l] == now.sweep, OTHER_SWEEP);
        must((piece & now.done) == 0, TWICE);
        now.done |= piece;
        now.pending &= ~piece;
#ifdef BEST
        now.dirty = 1;
#else
        batch_push(RUNS, piece);
#endif
    }

    /* True where the answer is ERROR -11. */
    static int unknown_lease(int l, int runs, int r)
    {
#ifndef M_ACK_UNKNOWN
        if (now.phase != FINAL && now.phase != ABSENT && (runs & ~now.done))
            return 1;
#endif
        ack_later(r);
        return 0;
    }

    static int takes_results(void)
    {
#ifdef M_LOADING
        if (now.phase == LOADING)
            return 1;
#endif
        return now.phase == RUNNING || now.phase == STOPPING;
    }

    /* Lease l among worker w's. */
    static int lease_find(int w, int l)
    {
#ifdef M_ANYONE
        return now.b_st[l] != NO;
#else
        return now.b_st[l] != NO && now.own[l] == w + 1;
#endif
    }

    static int ingest_report(int w, int l, int runs, int closed, int r)
    {
        if (!now.known[w])
            return 1; /* broker_message */
        if (now.phase == LOADING && !takes_results())
            return 0;
        if (!lease_find(w, l))
            return unknown_lease(l, runs, r);
        if (takes_results())
            take_run(w, l, runs);
        ack_later(r);
        if (closed)
            lease_close(l);
        sweep_check();
        sane();
        return 0;
    }

    /* ---- broker/grants.c: granting ---- */

    /* grantable, take_pending: the beginning of the first pending range, as far as it may be granted. False: nothing. */
    static int take_pending(int *a, int *b)
    {
        int open = now.pending;
#ifndef M_GRACE
        if (now.grace)
            open &= ~BELOW(now.front);
#endif
        for (*a = 0; *a < N && !(open & 1 << *a); ++*a)
            ;
        *b = *a;
#ifdef M_FRONTIER
        while (*b < N && open & 1 << *b)
#else
        while (*b < now.front && open & 1 << *b)
#endif
            ++*b;
        return now.phase == RUNNING && *b > *a;
    }

    static void offer_add(int l, int w, int a, int b)
    {
        now.own[l] = (uchar)(w + 1);
        now.from[l] = (uchar)a;
        now.gto[l] = now.b_to[l] = (uchar)b;
        now.l_epoch[l] = now.epoch;
        now.l_sweep[l] = now.sweep;
        now.b_st[l] = LIVE;
        now.n_grant[l] = 1;
    }

    static int unused(int l) /* the next place in the table of leases; the first lease goes to worker 0: they are alike */
    {
        return !now.own[l] && (l == 0 || now.own[l - 1]);
    }

    static void grant_place(int l, int w, int a, int b)
    {
        alone(w, RANGE(a, b));
        now.pending &= ~RANGE(a, b);
        offer_add(l, w, a, b);
        sane();
    }

    /* As much as may be, or a single position: whatever lease_size says. */
    static void grant_from(int l, int w, int single)
    {
        int a, b;
        if (!unused(l) || (!l && w) || !take_pending(&a, &b) || (single && b == a + 1))
            return;
        grant_place(l, w, a, single ? a + 1 : b);
    }

    /* The first that is left of lease l goes to w besides. */
    static void grant_second(int l, int w, int other)
    {
        int a = 0, left = in_lease(l) & ~now.done;
        if (!unused(other) || now.second[l] || now.own[l] == w + 1 || !now.known[w] || now.phase != RUNNING || !left)
            return;
        while (!(left & 1 << a))
            a++;
        now.doubled = now.second[other] = 1;
        offer_add(other, w, a, a + 1);
    }

    static void take_again(int l, int to)
    {
        int open = now.phase == LOADING || now.phase == RUNNING || now.phase == STOPPING;
        if (!open || now.gto[l] > now.front || to <= now.from[l])
            return;
#ifdef M_REREGISTER
        if (now.l_epoch[l] != now.epoch)
            return;
#endif
        if (!now.second[l]) {
            for (int i = 0; i < LEASES; i++)
                if (i != l && now.b_st[i] == LIVE && !now.second[i] && in_lease(i) & RANGE(now.from[l], to) & ~now.done)
                    now.slack = 1; /* one of them waits for a report that the closing one has overtaken */
            now.pending &= ~RANGE(now.from[l], to);
        }
        now.b_st[l] = LIVE;
        now.b_to[l] = (uchar)to;
    }

    /* worker_held: one of the leases that a worker lists. */
    static void worker_held(int l, int to, int left, int hello)
    {
        if (now.phase == FINAL || now.phase == ABSENT) {
            now.n_drop[l] = 2;
            return;
        }
        int again = hello || (left && now.l_epoch[l] == now.epoch);
        if (again && (now.b_st[l] == NO || (now.b_st[l] == REVOKED && left)))
            take_again(l, to);
    }

    static void worker_taken(int l, int to)
    {
        int tail = RANGE(to, now.b_to[l]) & ~now.done;
        now.b_to[l] = (uchar)to;
#ifndef M_TAKEN
        if (now.phase == RUNNING)
            now.pending |= tail;
#endif
        sane();
    }

    /* ---- workers: worker/worker.c, worker/lease.c, worker/outbox.c ---- */

    static void post(int l, int runs, int closed) /* and outbox_post */
    {
        int r = 0;
        while (r < REPORTS && now.r_lease[r])
            r++;
        must(r < REPORTS, MODEL);
        if (r == REPORTS)
            return;
        now.r_lease[r] = (uchar)(l + 1);
        now.r_runs[r] = (uchar)runs;
        now.r_closed[r] = (uchar)closed;
        now.r_out[r] = 1;
        if (closed)
            now.w_st[l] = CLOSED;
    }

    static void lease_finish(int l, int runs) /* and post_due */
    {
        now.w_todo[l] &= ~runs;
        post(l, runs, !now.w_todo[l]);
    }

    static void lease_cut(int l, int keep)
    {
        now.w_todo[l] &= keep;
        if (!now.w_todo[l])
            post(l, 0, 1);
    }

    /* on_take: what has begun, `keep`, stays */
    static void on_take(int l, int to, int keep)
    {
        int last = N;
#ifndef M_KEEP_TAIL
        lease_cut(l, keep | BELOW(to));
#else
        int whole = now.w_todo[l];
        now.w_todo[l] &= keep | BELOW(to);
#endif
        while (last > now.from[l] && !(now.w_todo[l] & 1 << (last - 1)))
            last--;
        if (to < now.w_to[l])
            now.w_to[l] = (uchar)(last > to ? last : to);
        now.n_taken[l] |= 1 << now.w_to[l];
#ifdef M_KEEP_TAIL
        now.w_todo[l] = whole;
#endif
    }

    static void on_grant(int l)
    {
#ifndef DUP
        now.n_grant[l] = 0;
#else
        now.slack = 1;
#endif
        if (now.l_epoch[l] != now.epoch)
            now.slack = 1; /* of a broker that has died since */
        now.w_st[l] = OPEN;
        now.w_todo[l] = RANGE(now.from[l], now.gto[l]);
        now.w_to[l] = now.gto[l];
    }

    /* on_drop, sweep_drop: what runs may finish, unless it is to stop at once */
    static void on_drop(int l, int keep)
    {
        if (now.n_drop[l] == 2)
            keep = 0;
        now.n_drop[l] = 0;
        lease_cut(l, keep);
    }

    static void on_ack(int r)
    {
        int l = now.r_lease[r] - 1, unacked = 0;
        now.r_out[r] = now.n_ack[r] = now.r_wait[r] = now.r_snap[r] = 0;
        for (int i = 0; i < REPORTS; i++)
            unacked |= now.r_lease[i] == l + 1 && now.r_out[i];
        if (!unacked && now.w_st[l] == CLOSED) /* lease_destroy */
            now.w_st[l] = now.w_todo[l] = now.w_to[l] = 0;
    }

    /* A HELLO or BEAT that is sent and arrives at once. */
    static void says(int w, int hello)
    {
        if (hello)
            now.known[w] = 1;
        for (int l = 0; l < LEASES; l++)
            if (now.own[l] == w + 1 && now.w_st[l])
                worker_held(l, now.w_to[l], now.w_todo[l] != 0, hello);
        sane();
    }

    /* One that arrives later, or never: the newest takes the place of the one before. */
    static void sends(int w, int hello)
    {
        now.s_kind[w] = (uchar)(hello + 1);
        now.s_old[w] = 0;
        for (int l = 0; l < LEASES; l++)
            if (now.own[l] == w + 1) {
                now.s_st[l] = !now.w_st[l] ? 0 : now.w_todo[l] ? 2 : 1;
                now.s_to[l] = now.w_st[l] ? now.w_to[l] : 0;
            }
    }

    static void is_heard(int w)
    {
        int hello = now.s_kind[w] == 2;
        if (hello)
            now.known[w] = 1;
        if (now.s_old[w])
            now.slack = 1;
        for (int l = 0; l < LEASES; l++) {
            if (now.own[l] != w + 1 || !now.s_st[l])
                continue;
            if (!now.w_st[l] || now.w_to[l] != now.s_to[l])
                now.slack = 1; /* it would say something else by now */
            worker_held(l, now.s_to[l], now.s_st[l] == 2, hello);
        }
        sane();
    }

    /* ---- what fails ---- */

    static void crash(void) /* and the start of the next: broker_restore */
    {
        now.crashes++;
        now.epoch++;
        now.restored = now.d_sweep == now.sweep;
        now.phase = now.restored ? LOADING : ABSENT;
        now.done = now.pending = now.dirty = 0;
        now.front = now.asked = now.d_front;
        now.grace = 1;
        now.j_n = 0;
        for (int i = 0; i < QUEUE; i++)
            now.j_kind[i] = now.j_arg[i] = 0;
        for (int w = 0; w < WORKERS; w++) {
            now.known[w] = 0;
            now.s_old[w] = now.s_kind[w] != 0;
        }
        for (int l = 0; l < LEASES; l++)
            now.b_st[l] = now.b_to[l] = 0;
        for (int r = 0; r < REPORTS; r++)
            now.r_wait[r] = now.r_snap[r] = 0;
    }

    static void dies(int w)
    {
        now.deaths++;
        now.alive[w] = 0;
        for (int l = 0; l < LEASES; l++)
            if (now.own[l] == w + 1)
                now.w_st[l] = now.w_todo[l] = now.w_to[l] = now.n_grant[l] = now.n_drop[l] = 0;
        for (int r = 0; r < REPORTS; r++)
            if (now.r_lease[r] && now.own[now.r_lease[r] - 1] == w + 1)
                now.r_out[r] = now.n_ack[r] = now.r_wait[r] = now.r_snap[r] = 0;
    }

    /* What a living worker holds may be given to others from now on. */
    static void loosen(int w)
    {
        for (int l = 0; l < LEASES; l++)
            if (now.alive[w] && now.own[l] == w + 1 && (now.w_st[l] == OPEN || now.n_grant[l]))
                now.slack = 1;
    }

    static void is_lost(int w)
    {
        loosen(w);
        worker_lose(w);
        sweep_check();
        sane();
    }

    /* Two beats did not list it, as when its grant takes long. */
    static void is_missed(int l)
    {
        if (now.w_st[l] == OPEN || now.n_grant[l])
            now.slack = 1;
        lease_free(l, 1);
        sweep_check();
        sane();
    }

    static int all_registered(void)
    {
        for (int w = 0; w < WORKERS; w++)
            if (now.alive[w] && !now.known[w])
                return 0;
        return 1;
    }

    static void grace_ends(void)
    {
        now.grace = 0;
        for (int w = 0; w < WORKERS; w++)
            if (!now.known[w])
                loosen(w);
    }

    /* ---- steps whose condition is no simple one ---- */

    static void report_comes(int r)
    {
        int l = now.r_lease[r] - 1;
        ingest_report(now.own[l] - 1, l, now.r_runs[r], now.r_closed[r], r);
    }

    static void push_frontier(void)
    {
        if (now.phase != RUNNING)
            return;
        now.asked = now.asked + 2 < N ? now.asked + 2 : N;
        batch_push(FRONTIER, now.asked);
    }

    /* ---- nothing fails any more ---- */

    static void flush(void)
    {
        if (now.dirty && now.j_n < QUEUE)
            snapshot_push();
        while (now.j_n)
            commit();
        for (int r = 0; r < REPORTS; r++)
            if (now.n_ack[r] && now.r_out[r])
                on_ack(r);
    }

    /* Every report of an outbox is sent again, and once more after a hello where the broker says ERROR -11. */
    static void resend_due(void)
    {
        for (int r = 0; r < REPORTS; r++) {
            int l = now.r_lease[r] - 1, w = l < 0 ? 0 : now.own[l] - 1;
            if (!now.r_out[r])
                continue;
            if (ingest_report(w, l, now.r_runs[r], now.r_closed[r], r)) {
                says(w, 1);
                ingest_report(w, l, now.r_runs[r], now.r_closed[r], r);
            }
            flush();
        }
    }

    /* Places in the tables that nobody needs any more are used again. */
    static void reuse_reports(void)
    {
        for (int r = 0; r < REPORTS; r++)
            if (!now.r_out[r])
                now.r_lease[r] = now.r_runs[r] = now.r_closed[r] = now.n_ack[r] = now.r_wait[r] = now.r_snap[r] = 0;
    }

    static int reuse_lease(void)
    {
        for (int l = 0; l < LEASES; l++)
            if (now.b_st[l] == NO && now.w_st[l] == NO) {
                now.n_taken[l] = now.n_drop[l] = now.second[l] = 0;
                return l;
            }
        return LEASES;
    }

    /* A worker that died starts again, as a new one; the old one is lost. */
    static void replace_dead(int w)
    {
        if (now.alive[w])
            return;
        worker_lose(w);
        for (int l = 0; l < LEASES; l++)
            if (now.own[l] == w + 1)
                lease_free(l, 1);
        now.alive[w] = 1;
    }

    /* Every worker's beat arrives, several times; what none lists goes back. */
    static void beats(void)
    {
        for (int w = 0; w < WORKERS; w++)
            says(w, !now.known[w]);
        for (int l = 0; l < LEASES; l++)
            if (now.w_st[l] == NO && now.b_st[l] != NO)
                lease_free(l, 1);
        sweep_check();
        flush();
        resend_due();
        for (int l = 0; l < LEASES; l++)
            if (now.n_drop[l] && now.w_st[l] == OPEN) {
                reuse_reports();
                on_drop(l, 0);
                resend_due();
            }
    }

    /* Every worker is granted what there is and does all that it has. */
    static void work(void)
    {
        for (int w = 0; w < WORKERS; w++) {
            int a, b, l = take_pending(&a, &b) ? reuse_lease() : LEASES;
            if (l < LEASES) {
                grant_place(l, w, a, b);
                on_grant(l);
                now.n_grant[l] = 0;
            }
        }
        for (int l = 0; l < LEASES; l++)
            if (now.w_st[l] == OPEN) {
                reuse_reports();
                lease_finish(l, now.w_todo[l]);
                resend_due();
            }
        if (now.phase == RUNNING && now.asked < N)
            batch_push(FRONTIER, now.asked = N);
        flush();
    }

    static void recover(void)
    {
        for (int l = 0; l < LEASES; l++)
            now.n_grant[l] = 0; /* what is on its way is lost */
        now.slack = 1;
        flush();
        for (int w = 0; w < WORKERS; w++)
            replace_dead(w);
        for (int round = 0; round < ROUNDS; round++) {
            if (now.phase == ABSENT)
                sweep_first();
            if (now.phase == LOADING)
                loaded();
            flush();
            beats();
            resend_due();
            if (round)
                now.grace = 0;
            work();
        }
        must(now.phase == FINAL && now.d_over, NO_END);
        must((now.done == ALL && now.d_done == ALL) || now.cancels, NOT_DONE);
        for (int r = 0; r < REPORTS; r++)
            must(!now.r_out[r], NOT_ACKED);
        for (int l = 0; l < LEASES; l++)
            must(!now.w_st[l] && now.b_st[l] != LIVE, LEASE_LEFT);
        if (now.bad)
            return;
        /* all ends are one state */
        now.d_done = now.d_front = now.d_over = now.d_sweep = now.phase = now.sweep = now.done = now.pending = 0;
        now.front = now.asked = now.grace = now.restored = now.epoch = now.crashes = now.deaths = now.cancels = now.doubled = 0;
        for (int w = 0; w < WORKERS; w++)
            now.known[w] = now.alive[w] = now.s_kind[w] = now.s_old[w] = 0;
        for (int l = 0; l < LEASES; l++) {
            now.own[l] = now.from[l] = now.gto[l] = now.l_epoch[l] = now.l_sweep[l] = now.second[l] = now.b_st[l] = now.b_to[l] = 0;
            now.n_drop[l] = now.n_taken[l] = now.s_st[l] = now.s_to[l] = 0;
        }
        for (int r = 0; r < REPORTS; r++)
            now.r_lease[r] = now.r_runs[r] = now.r_closed[r] = now.n_ack[r] = now.r_wait[r] = now.r_snap[r] = 0;
        now.finished = 1;
    }
}

/* ---- steps ---- */

/* A condition, in which Spin suffers neither calls nor any =, and what happens then. */
#define STEP(condition, action) :: d_step { c_expr { condition } -> c_code { if (readtrail) puts(#action); action; } }
#define BLANK !now.r_lease[REPORTS - 1] /* a place in the table of reports */
#define ROOM now.j_n < QUEUE - 1        /* in the journal's queue, and for the batch that ends the sweep */

/* cpp has no loops: each case by its number. */
#define EACH_WORKER(step) step(0) step(1)
#define LEASES_2(step) step(0) step(1)
#if LEASES > 2
#define LEASES_3(step) LEASES_2(step) step(2)
#else
#define LEASES_3(step) LEASES_2(step)
#endif
#if LEASES > 3
#define EACH_LEASE(step) LEASES_3(step) step(3)
#else
#define EACH_LEASE(step) LEASES_3(step)
#endif
#define REPORTS_3(step) step(0) step(1) step(2)
#if REPORTS > 3
#define REPORTS_4(step) REPORTS_3(step) step(3)
#else
#define REPORTS_4(step) REPORTS_3(step)
#endif
#if REPORTS > 4
#define REPORTS_5(step) REPORTS_4(step) step(4)
#else
#define REPORTS_5(step) REPORTS_4(step)
#endif
#if REPORTS > 5
#define EACH_REPORT(step) REPORTS_5(step) step(5)
#else
#define EACH_REPORT(step) REPORTS_5(step)
#endif
#if N > 3
#define EACH_POSITION(step, l) step(l, 0) step(l, 1) step(l, 2) step(l, 3)
#define EACH_END(step, l) step(l, 1) step(l, 2) step(l, 3)
#elif N > 2
#define EACH_POSITION(step, l) step(l, 0) step(l, 1) step(l, 2)
#define EACH_END(step, l) step(l, 1) step(l, 2)
#else
#define EACH_POSITION(step, l) step(l, 0) step(l, 1)
#define EACH_END(step, l) step(l, 1)
#endif

/* of a worker */
#define FINISHES_ONE(l, p) STEP(now.w_todo[l] & 1 << p && BLANK, lease_finish(l, 1 << p))
#define FINISHES_ALL(l) STEP(now.w_todo[l] & now.w_todo[l] - 1 && BLANK, lease_finish(l, now.w_todo[l]))
#define GRANT_COMES(l) STEP(now.n_grant[l] && !now.w_st[l] && now.alive[now.own[l] - 1], on_grant(l))
#define ACK_COMES(r) STEP(now.n_ack[r] && now.r_out[r], on_ack(r))
#define DROP_ALL(l) STEP(now.n_drop[l] && now.w_todo[l] && BLANK, on_drop(l, 0))
#define DROP_BUT(l, p) STEP(now.n_drop[l] & 1 && now.w_todo[l] & 1 << p && BLANK, on_drop(l, 1 << p))
#define CAN_TAKE(l, to) now.w_todo[l] && BLANK && !now.second[l] && to > now.from[l] && to < now.w_to[l]
#define TAKE_ALL(l, to) STEP(CAN_TAKE(l, to), on_take(l, to, 0))
#define TAKE_BUT(l, to) STEP(CAN_TAKE(l, to) && now.w_todo[l] & 1 << to, on_take(l, to, 1 << to))
#define TAKE_BUT_LAST(l, to) STEP(CAN_TAKE(l, to) && to < N - 1 && now.w_todo[l] >> N - 1, on_take(l, to, 1 << (N - 1)))
#define DIES(w) STEP(now.alive[w] && now.deaths < DEATHS, dies(w))

/* of the broker */
#define REPORT_COMES(r) STEP(now.r_lease[r] && ROOM, report_comes(r))
#define STRAY_COMES(l, w)                                                                                              \
    STEP(now.own[l] && now.own[l] - w - 1 && now.known[w] && ROOM, ingest_report(w, l, RANGE(now.from[l], now.gto[l]), 0, REPORTS))
#define TAKEN_COMES(l, to)                                                                                             \
    STEP(now.n_taken[l] & 1 << to && now.b_st[l] & LIVE && to < now.b_to[l] && now.known[now.own[l] - 1], worker_taken(l, to))
#define GRANT(l, w)                                                                                                    \
    STEP(!now.own[l] && now.known[w] && now.pending, grant_from(l, w, 0))                                              \
    STEP(!now.own[l] && now.known[w] && now.pending, grant_from(l, w, 1))
#define GRANT_SECOND(l, w, other) STEP(!now.own[other] && now.b_st[l] & LIVE && !now.doubled, grant_second(l, w, other))
#define MISSED(l) STEP(now.b_st[l] && now.known[now.own[l] - 1] && ROOM, is_missed(l))
#define IS_LOST(w) STEP(now.known[w] && ROOM, is_lost(w))
#define SAYS(w) STEP(now.alive[w] && now.known[w], says(w, 0)) STEP(now.alive[w], says(w, 1))
#define SENDS(w) STEP(now.alive[w] && now.known[w], sends(w, 0)) STEP(now.alive[w], sends(w, 1))
#define IS_HEARD(w) STEP(now.s_kind[w] & 2 || now.s_kind[w] && now.known[w], is_heard(w))

#ifdef TAKES
#define TAKES_OF(l) EACH_END(TAKE_ALL, l) EACH_END(TAKE_BUT, l) EACH_END(TAKE_BUT_LAST, l) EACH_END(TAKEN_COMES, l)
#else
#define TAKES_OF(l)
#endif
#if CANCEL == 1
#define DROPS_OF(l) DROP_ALL(l) EACH_POSITION(DROP_BUT, l)
#else
#define DROPS_OF(l) DROP_ALL(l)
#endif
#ifdef STRAYS
#define STRAYS_OF(l) STRAY_COMES(l, 0) STRAY_COMES(l, 1)
#else
#define STRAYS_OF(l)
#endif
#ifdef LOSE
#define LOST_OF(w) IS_LOST(w)
#define MISSED_OF(l) MISSED(l)
#else
#define LOST_OF(w)
#define MISSED_OF(l)
#endif
#ifdef LATE
#define VOICE_OF(w) SENDS(w) IS_HEARD(w)
#else
#define VOICE_OF(w) SAYS(w)
#endif

#define LEASE_STEPS(l)                                                                                                 \
    GRANT_COMES(l) EACH_POSITION(FINISHES_ONE, l) FINISHES_ALL(l) GRANT(l, 0) GRANT(l, 1) TAKES_OF(l) DROPS_OF(l)      \
    STRAYS_OF(l) MISSED_OF(l)
#define WORKER_STEPS(w) VOICE_OF(w) LOST_OF(w) DIES(w)
#define REPORT_STEPS(r) REPORT_COMES(r) ACK_COMES(r)

active proctype world()
{
#ifdef SUBMIT
    d_step { c_code { now.d_sweep = now.sweep = 0; sweep_first(); } }
#endif
    do
    EACH_LEASE(LEASE_STEPS)
    EACH_WORKER(WORKER_STEPS)
    EACH_REPORT(REPORT_STEPS)
    STEP(now.j_n, commit())
    STEP(now.restored, if (now.phase == LOADING) loaded(); sane())
    STEP(now.asked < N && ROOM, push_frontier())
    STEP(now.grace, if (all_registered()) now.grace = 0)
    STEP(now.crashes < CRASHES, crash())
#ifdef LATE
    STEP(now.grace, grace_ends())
#endif
#ifdef BEST
    STEP(now.dirty && ROOM, snapshot_push())
#endif
#ifdef SECOND
    GRANT_SECOND(0, 1, 1)
#if LEASES > 2
    GRANT_SECOND(0, 1, 2)
    GRANT_SECOND(1, 0, 2)
#endif
#endif
#if CANCEL > 0
    STEP(!now.cancels && ROOM, if (now.phase == RUNNING) sweep_cancel(CANCEL - 1))
#endif
#ifdef SUBMIT
    STEP(!now.phase, sweep_first(); sane())
#endif
    :: d_step { c_expr { !now.bad } -> c_code { recover(); } }; assert(!bad); break
    :: bad -> assert(!bad)
    od
}
