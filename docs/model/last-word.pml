/*
 * The last word: whatever fails, the last record of a message on efs.message-status equals the recount.
 *
 * One partition of the status pipeline, two generations of its state, two workers, an operator who cuts over once, and a store
 * that comes back older, or older and then newer again. See README.md for what is left out.
 *
 *   OLD        no checkpoint: a claim folds on and publishes changes only
 *   LIVE_ONLY  live tasks commit a checkpoint with what they publish; tasks that become live commit none
 *   UNPROVEN   every transaction commits a checkpoint; a claim that publishes nothing begins without one
 *   (none)     every transaction commits a checkpoint, and every claim begins with one
 */

#ifndef CLAIMS
#define CLAIMS 4    /* claims, of both workers together */
#endif
#ifndef SAVES
#define SAVES 1     /* states of the store that may come back */
#endif
#ifndef RESTORES
#define RESTORES 2  /* times that one does */
#endif
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef CUTOVERS
#define CUTOVERS 1
#endif

/*
 * The inputs: message 0 is relayed and delivered on the first; message 1 is relayed and message 0 bounces on the second.
 * State is a join of the records that were folded (decision 2): positions determine it.
 */
#define END0 2
#define END1 2

#define NONE 0
#define PENDING 1
#define SENT 2
#define MAILBOX_FULL 3

/* Generation 0 has the policy RELAY: what is relayed is sent. Generation 1 has the policy DELIVERY. */
#define RELAYED(g) (g == 0 -> SENT : PENDING)
#define STATUS0(g, p0, p1) (p0 == 2 -> SENT : (p1 == 2 -> MAILBOX_FULL : (p0 == 1 -> RELAYED(g) : NONE)))
#define STATUS1(g, p0, p1) (p1 >= 1 -> RELAYED(g) : NONE)

/* A message that the state has not seen yet is published when it is. */
#define IS_SAID(last, status) (status == NONE || last == status)
/* With the old rules only once everything is folded; with the new ones wherever a live task stands. */
#ifdef OLD
#define MUST_BE_SAID(p0, p1) (p0 == END0 && p1 == END1)
#else
#define MUST_BE_SAID(p0, p1) true
#endif

/* ---- the store: a task of each generation, and the manifest of the active one ---- */

typedef Task {
  byte e;        /* epoch */
  byte q;        /* sequence */
  byte p0; byte p1;
  byte c;        /* epoch of the last commit */
  byte o0; byte o1;  /* the outbox: for each message its new status, or none */
  byte live;     /* the flag LIVE_AS */
  bit sealed
};
#define UNSET 0
#define IS_LIVE 1
#define NOTHING_TO_COMPARE 2

Task task[2];
byte current;            /* generation */
byte until0; byte until1;  /* where generation 0 ended: generation 1 catches up to there at least */
byte clock;              /* no epoch is given twice */

Task saved[2 * SAVES + 2];
byte savedActive[SAVES + 1]; byte savedUntil0[SAVES + 1]; byte savedUntil1[SAVES + 1];

inline copy(to, from) {
  to.e = from.e; to.q = from.q; to.p0 = from.p0; to.p1 = from.p1; to.c = from.c;
  to.o0 = from.o0; to.o1 = from.o1; to.live = from.live; to.sealed = from.sealed
}

/* A copy that cannot come back any more: states that differ in nothing else are one. */
inline forget(gone) {
  gone.e = 0; gone.q = 0; gone.p0 = 0; gone.p1 = 0; gone.c = 0;
  gone.o0 = 0; gone.o1 = 0; gone.live = 0; gone.sealed = 0
}

/* ---- the log: the last record of each message, the sink's owner, the checkpoint ---- */

byte last0; byte last1;
byte sinkOwner;
byte ckState;            /* 0: none yet; the generation + 1; or: */
#define APART 3          /* no state contains what was published */
byte ckEpoch; byte ck0; byte ck1;

#define IS_PAST(a0, a1, b0, b1) (b0 >= a0 && b1 >= a1)
#define LEVEL(g, p0, p1, c) (ckState == 0 || (ckState == g + 1 && IS_PAST(ck0, ck1, p0, p1) && ckEpoch <= c))
#define BEHIND(g, p0, p1) (ckState == g + 1 && IS_PAST(p0, p1, ck0, ck1))

/* A claim that publishes nothing yet proves that its sink is still the last one opened: by the checkpoint it has found, ... */
#if defined(OLD) || defined(UNPROVEN)
#define PROVE skip
#else
#define PROVE s = ckState; e = ckEpoch; k0 = ck0; k1 = ck1
#endif
/* ... or by the mark that it will republish everything. */
#if defined(OLD) || defined(UNPROVEN)
#define MARK skip
#else
#define MARK s = APART; e = 0; k0 = 0; k1 = 0
#endif

/* ---- a worker ---- */

#define LIVE 0           /* what it folds is published */
#define REPLAYING 1      /* folds up to exactly the checkpoint, and publishes nothing */
#define SUPPRESSED 2     /* folds, and publishes nothing */
#define RESUMING 3       /* republishes message after message */

byte claims;

proctype Worker(byte me) {
  byte g, epoch, q, p0, p1, c;   /* what it has claimed, and committed since */
  byte n0, n1, o0, o1, live;     /* its next commit */
  byte s, e, k0, k1;             /* the checkpoint of the next transaction; s = 0: none */
  byte mode, t0, t1;             /* t: where the replay ends */
  byte b0, b1;                   /* what was published before it resumes; NONE where that is not known */
  byte message;                  /* the next to be republished */
  bit mustFlag, compares;


start: /* A crash, or the end of a claim; then the sink is opened, which fences the one opened before. */
  atomic {
    g = 0; epoch = 0; q = 0; p0 = 0; p1 = 0; c = 0; n0 = 0; n1 = 0; o0 = 0; o1 = 0; live = 0;
    s = 0; e = 0; k0 = 0; k1 = 0; mode = LIVE; t0 = 0; t1 = 0; b0 = 0; b1 = 0; message = 0; mustFlag = 0; compares = 0;
    if :: claims < CLAIMS && (claims > 0 || me == 1) -> claims++; sinkOwner = me :: claims == CLAIMS -> goto end fi
  }

  /* claim.lua */
  atomic {
    g = current;
    if :: task[g].sealed -> goto start :: else fi;
    clock++; task[g].e = clock; epoch = clock;
    q = task[g].q; p0 = task[g].p0; p1 = task[g].p1; c = task[g].c; o0 = task[g].o0; o1 = task[g].o1;
    printf("worker %d claims generation %d at %d,%d: epoch %d, last commit by %d\n", me, g, p0, p1, epoch, c)
  }

  /* find: flags, checkpoint, predecessor; then what is to be emitted before anything else */
  atomic {
    if :: task[g].e != epoch || task[g].q != q -> goto start :: else fi;
    live = task[g].live; n0 = p0; n1 = p1;
    if
    :: live == IS_LIVE || (g == 0 && live == UNSET) ->
#ifdef OLD
       mode = LIVE
#else
       if
       :: LEVEL(g, p0, p1, c) -> mode = LIVE; s = g + 1; e = c; k0 = p0; k1 = p1
       :: else -> o0 = NONE; o1 = NONE; PROVE;
          if
          :: BEHIND(g, p0, p1) -> mode = REPLAYING; t0 = ck0; t1 = ck1
          :: else -> mode = SUPPRESSED; mustFlag = 1; MARK
          fi
       fi
#endif
    :: else ->
       mode = SUPPRESSED; o0 = NONE; o1 = NONE;
       if
       :: g == 1 && live == UNSET ->
          /* predecessorOf: seals it, and compares with it where its state is what was published */
          if :: !task[0].sealed -> clock++; task[0].e = clock; task[0].sealed = 1 :: else fi;
          if
          :: task[0].live != NOTHING_TO_COMPARE && LEVEL(0, task[0].p0, task[0].p1, task[0].c) ->
             compares = 1; o0 = task[0].o0; o1 = task[0].o1;
#if !defined(OLD) && !defined(LIVE_ONLY)
             s = 1; e = task[0].c; k0 = task[0].p0; k1 = task[0].p1
#else
             skip
#endif
          :: else -> MARK
          fi
       :: else -> MARK
       fi
    fi;
    c = 0
  }
  goto emit;

next: /* what the task does next, and its commit */
  atomic {
    if
    :: mustFlag -> mustFlag = 0; live = NOTHING_TO_COMPARE; n0 = p0; n1 = p1; goto commit
    :: !mustFlag && mode == RESUMING ->
       if
       :: message == 0 -> if :: STATUS0(g, p0, p1) != b0 -> o0 = STATUS0(g, p0, p1) :: else fi
       :: message == 1 -> if :: STATUS1(g, p0, p1) != b1 -> o1 = STATUS1(g, p0, p1) :: else fi
       :: message == 2 -> live = IS_LIVE; mode = LIVE; b0 = NONE; b1 = NONE
       fi;
       if
       :: message < 2 && o0 == NONE && o1 == NONE -> message++; goto next
       :: else
       fi;
#if !defined(OLD) && !defined(LIVE_ONLY)
       if
       :: message < 2 -> s = APART
       :: message == 2 -> s = g + 1; e = epoch; k0 = p0; k1 = p1
       fi;
#endif
       if :: message < 2 -> message++ :: else -> message = 0 fi;
       goto commit
    :: !mustFlag && mode == SUPPRESSED && (g == 0 || IS_PAST(until0, until1, p0, p1)) ->
       mode = RESUMING;
       if
       :: compares && task[0].sealed -> b0 = STATUS0(0, task[0].p0, task[0].p1); b1 = STATUS1(0, task[0].p0, task[0].p1)
       :: else
       fi;
       compares = 0; goto next
    :: !mustFlag && mode != RESUMING ->
       /* the next batch: some records of each input, up to their ends or to where a replay ends */
       do
       :: n0 < (mode == REPLAYING -> t0 : END0) -> n0++
       :: n1 < (mode == REPLAYING -> t1 : END1) -> n1++
       :: n0 > p0 || n1 > p1 -> break
       :: p0 == END0 && p1 == END1 -> goto start /* stopped */
       od;
       if
       :: mode == LIVE ->
          if :: STATUS0(g, n0, n1) != STATUS0(g, p0, p1) -> o0 = STATUS0(g, n0, n1) :: else fi;
          if :: STATUS1(g, n0, n1) != STATUS1(g, p0, p1) -> o1 = STATUS1(g, n0, n1) :: else fi;
#ifndef OLD
          if :: o0 != NONE || o1 != NONE -> s = g + 1; e = epoch; k0 = n0; k1 = n1 :: else fi
#endif
       :: else
       fi;
       goto commit
    :: goto start
    fi;
commit: /* commit.lua; where the reply is lost, it is called again */
    if
    :: task[g].e == epoch && task[g].q == q && task[g].p0 == p0 && task[g].p1 == p1 ->
       d_step {
         task[g].q = q + 1; task[g].p0 = n0; task[g].p1 = n1; task[g].c = epoch;
         task[g].o0 = o0; task[g].o1 = o1; task[g].live = live;
         printf("worker %d commits %d,%d with the records %d,%d\n", me, n0, n1, o0, o1)
       };
       if :: skip :: goto commit :: goto start fi
    :: task[g].e == epoch && task[g].q == q + 1 && task[g].p0 == n0 && task[g].p1 == n1
    :: else -> goto start
    fi;
    q++; p0 = n0; p1 = n1
  }

emit: /* the transaction: the records of the outbox, and a checkpoint */
  atomic {
    if
    :: o0 == NONE && o1 == NONE && s == 0
    :: else ->
       if :: sinkOwner != me -> goto start :: else fi;
       printf("worker %d emits %d,%d with the checkpoint of %d: epoch %d, %d,%d\n", me, o0, o1, s, e, k0, k1);
       if :: o0 != NONE -> last0 = o0 :: else fi;
       if :: o1 != NONE -> last1 = o1 :: else fi;
#ifndef OLD
       if
       :: s == 0
       :: s == APART -> ckState = APART; ckEpoch = 0; ck0 = 0; ck1 = 0
       :: else -> ckState = s; ckEpoch = e; ck0 = k0; ck1 = k1
       fi
#endif
    fi;
    o0 = NONE; o1 = NONE; s = 0; e = 0; k0 = 0; k1 = 0;
    if :: mode == REPLAYING && IS_PAST(t0, t1, p0, p1) -> mode = LIVE; t0 = 0; t1 = 0 :: else fi;
    /* The last record of a message equals the recount: for its owner, at rest at these positions. */
    if
    :: mode == LIVE && sinkOwner == me && task[g].e == epoch && task[g].q == q && MUST_BE_SAID(p0, p1) ->
       assert(IS_SAID(last0, STATUS0(g, p0, p1)) && IS_SAID(last1, STATUS1(g, p0, p1)))
    :: else
    fi
  }
  goto next;
end: skip
}

/* ---- what else happens, at any time ---- */

byte saves; byte restores;

proctype Nemesis() {
  byte which;
end:
  do
  :: atomic { saves < SAVES && restores < RESTORES ->
       d_step {
         copy(saved[2 * saves], task[0]); copy(saved[2 * saves + 1], task[1]);
         savedActive[saves] = current; savedUntil0[saves] = until0; savedUntil1[saves] = until1; saves++;
         printf("a copy of the store is made at %d,%d\n", task[current].p0, task[current].p1)
       }
     }
  :: atomic { restores < RESTORES && saves > 0 ->
       which = 0;
       do :: which + 1 < saves -> which++ :: break od;
       d_step {
         copy(task[0], saved[2 * which]); copy(task[1], saved[2 * which + 1]);
         current = savedActive[which]; until0 = savedUntil0[which]; until1 = savedUntil1[which];
         restores++;
         printf("the store comes back at %d,%d\n", task[current].p0, task[current].p1);
         for (which : 0 .. SAVES) {
           if
           :: restores == RESTORES ->
              forget(saved[2 * which]); forget(saved[2 * which + 1]);
              savedActive[which] = 0; savedUntil0[which] = 0; savedUntil1[which] = 0
           :: else
           fi
         }
         which = 0
       }
     }
  od
}

proctype Operator() {
  byte cutovers;
end:
  do
  :: atomic { cutovers < CUTOVERS && current == 0 ->
       clock++; task[0].e = clock; task[0].sealed = 1; clock++; task[1].e = clock;
       until0 = task[0].p0; until1 = task[0].p1; current = 1; cutovers++;
       printf("generation 1 becomes active, generation 0 ended at %d,%d\n", until0, until1)
     }
  od
}

init { atomic { run Worker(1); if :: WORKERS > 1 -> run Worker(2) :: else fi; run Nemesis(); run Operator() } }
