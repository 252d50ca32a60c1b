/*
 * Lateness: whatever fails, no record is both counted and dead-lettered, or neither; and a delivery is retired once.
 *
 * One delivery in one partition: its status task in two generations, two workers, a rebuild, an operator who cuts over, and a
 * store that comes back older, or older and then newer again. See README.md for what is left out.
 *
 *   OLD          another task decides, in the store; the status task reads the decision now and then
 *   PASSED_OVER  a record in a log, sent through a fenced sink, retires the delivery; a claim adopts what the log holds
 *   (none)       the same; and a claim that adopts beyond the record's offsets dead-letters what it finds folded there
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

/* Two records in one input, one in the other, all of them feedback on the delivery. A set of records: bits 0 and 1, bit 2. */
#define END0 2
#define END1 1
#define BELOW(p0, p1) (((1 << p0) - 1) | (((1 << p1) - 1) << 2))

/* ---- the store: a status task of each generation, and the manifest of the active one ---- */

typedef Task {
  byte e;          /* epoch */
  byte q;          /* sequence */
  byte p0; byte p1;
  byte counted;    /* by the contribution: the records */
  bit retired;     /* as it has adopted */
  bit sealed
};

Task task[2];
byte current;      /* generation */
byte clock;        /* no epoch is given twice */
#ifdef OLD
bit decided;       /* by the kpi task: from here on feedback is late */
byte decidedFor;   /* the records that are counted then */
#endif

Task saved[2 * SAVES + 2];
byte savedActive[SAVES + 1];

inline copy(to, from) {
  to.e = from.e; to.q = from.q; to.p0 = from.p0; to.p1 = from.p1;
  to.counted = from.counted; to.retired = from.retired; to.sealed = from.sealed
}

/* A copy that cannot come back any more: states that differ in nothing else are one. */
inline forget(gone) {
  gone.e = 0; gone.q = 0; gone.p0 = 0; gone.p1 = 0;
  gone.counted = 0; gone.retired = 0; gone.sealed = 0
}

/* ---- the log: dead letters, the sink's owner, the record that retires the delivery ---- */

byte letters;
byte sinkOwner;
bit isRetired; byte from0; byte from1; byte share;

/* ---- a worker ---- */

byte claims;

proctype Worker(byte me) {
  byte g, epoch, q, p0, p1, counted;  /* what it has claimed, and committed since */
  byte n0, n1, more;                  /* the next batch: positions, and the records that it folds */
  bit retired;

start: /* A crash, or the end of a claim; then the sink is opened, which fences the one opened before. */
  atomic {
    g = 0; epoch = 0; q = 0; p0 = 0; p1 = 0; counted = 0; n0 = 0; n1 = 0; more = 0; retired = 0;
    if :: claims < CLAIMS && (claims > 0 || me == 1) -> claims++; sinkOwner = me :: claims == CLAIMS -> goto end fi
  }

  /* claim.lua */
  atomic {
    g = current;
    if :: task[g].sealed -> goto start :: else fi;
    clock++; task[g].e = clock; epoch = clock;
    q = task[g].q; p0 = task[g].p0; p1 = task[g].p1; counted = task[g].counted; retired = task[g].retired;
    n0 = p0; n1 = p1;
    printf("worker %d claims generation %d at %d,%d\n", me, g, p0, p1)
  }

adopt: /* reads the log to its end: what it says is stored before anything else */
  atomic {
#ifdef OLD
    if :: g == 1 && decided && !retired -> retired = 1; counted = decidedFor; goto commit :: else fi
#else
    if
    :: isRetired && !retired ->
       retired = 1; counted = share;
#ifndef PASSED_OVER
       /* what a former owner has folded beyond these offsets, without knowing of them, is late, too */
       letters = letters | (BELOW(p0, p1) & ~BELOW(from0, from1));
#endif
       goto acknowledged
    :: else
    fi
#endif
  }

next: /* what the task does next, and its commit */
  atomic {
    n0 = p0; n1 = p1;
    if
    :: do
       :: n0 < END0 -> n0++
       :: n1 < END1 -> n1++
       :: n0 > p0 || n1 > p1 -> break
       :: p0 == END0 && p1 == END1 -> goto start /* stopped */
       od;
#ifdef OLD
       /* The answer is cached for a while. */
       if :: g == 0 -> if :: retired = decided :: skip fi :: else fi;
       more = BELOW(n0, n1) & ~BELOW(p0, p1);
       if :: retired -> letters = letters | more :: else -> counted = counted | more fi;
#else
       more = BELOW(n0, n1) & ~BELOW(p0, p1);
       /* below these offsets: counted by the share; from there on: a dead letter, acknowledged before the commit */
       if
       :: retired -> letters = letters | (more & ~BELOW(from0, from1)); more = 0; goto acknowledged
       :: else -> counted = counted | more
       fi;
#endif
       more = 0; goto commit
#ifndef OLD
    :: !retired && task[g].e == epoch && task[g].q == q -> goto retire /* no feedback for the retention */
#endif
    :: goto start
    fi;
commit: /* commit.lua; where the reply is lost, it is called again */
    if
    :: task[g].e == epoch && task[g].q == q && task[g].p0 == p0 && task[g].p1 == p1 ->
       d_step {
         task[g].q = q + 1; task[g].p0 = n0; task[g].p1 = n1; task[g].counted = counted; task[g].retired = retired;
         printf("worker %d commits %d,%d: counted %d, dead letters %d\n", me, n0, n1, counted, letters)
       };
       /* No record is both counted and dead-lettered, or neither: of all that it has passed. */
#ifndef OLD
       assert(sinkOwner != me || (counted & letters) == 0);
#endif
       assert(sinkOwner != me || (BELOW(n0, n1) & ~(counted | letters)) == 0);
       if :: skip :: goto commit :: goto start fi
    :: task[g].e == epoch && task[g].q == q + 1 && task[g].p0 == n0 && task[g].p1 == n1
    :: else -> goto start
    fi;
    q++; p0 = n0; p1 = n1
  }
  goto next;

acknowledged: goto commit;

#ifndef OLD
retire: /* through the sink; where the outcome is unknown, it claims again */
  atomic {
    if :: sinkOwner != me -> goto start :: else fi;
    /* A delivery is retired once. */
    assert(!isRetired || (from0 == p0 && from1 == p1));
    if :: !isRetired -> isRetired = 1; from0 = p0; from1 = p1; share = counted :: else fi;
    printf("worker %d retires the delivery from %d,%d\n", me, p0, p1);
    if :: goto adopt :: goto start fi
  }
#endif
end: skip
}

/* ---- what else happens, at any time ---- */

#ifdef OLD
/* The kpi task: no feedback for the retention. */
proctype Kpi() {
end:
  atomic { current == 0 -> decided = 1; decidedFor = task[0].counted; printf("the delivery is retired, with %d\n", decidedFor) }
}
#endif

byte saves; byte restores;

proctype Nemesis() {
  byte which;
end:
  do
  :: atomic { saves < SAVES && restores < RESTORES ->
       d_step {
         copy(saved[2 * saves], task[0]); copy(saved[2 * saves + 1], task[1]);
         savedActive[saves] = current; saves++;
         printf("a copy of the store is made at %d,%d\n", task[current].p0, task[current].p1)
       }
     }
  :: atomic { restores < RESTORES && saves > 0 ->
       which = 0;
       do :: which + 1 < saves -> which++ :: break od;
       d_step {
         copy(task[0], saved[2 * which]); copy(task[1], saved[2 * which + 1]);
         current = savedActive[which]; restores++;
         printf("the store comes back at %d,%d\n", task[current].p0, task[current].p1);
         for (which : 0 .. SAVES) {
           if
           :: restores == RESTORES ->
              forget(saved[2 * which]); forget(saved[2 * which + 1]); savedActive[which] = 0
           :: else
           fi
         }
         which = 0
       }
     }
  od
}

/*
 * A rebuild beside the active generation, which it never passes, and a cut-over. Of the log of retired deliveries it knows what
 * was there when it claimed.
 */
proctype Operator() {
  byte more, n0, n1;
end:
  atomic { CUTOVERS > 0 ->
    clock++; task[1].e = clock;
#ifndef OLD
    if :: isRetired -> task[1].retired = 1; task[1].counted = share :: else fi
#endif
  }
end2:
  do
  :: atomic { current == 0 && !task[1].sealed && (task[1].p0 < task[0].p0 || task[1].p1 < task[0].p1) ->
       n0 = task[1].p0; n1 = task[1].p1;
       if
       :: n0 < task[0].p0 -> n0++
       :: n1 < task[0].p1 -> n1++
       fi;
       more = BELOW(n0, n1) & ~BELOW(task[1].p0, task[1].p1);
       d_step {
         if :: !task[1].retired -> task[1].counted = task[1].counted | more :: else fi;
         task[1].q++; task[1].p0 = n0; task[1].p1 = n1; n0 = 0; n1 = 0; more = 0
       }
     }
  :: atomic { current == 0 ->
       clock++; task[0].e = clock; task[0].sealed = 1; clock++; task[1].e = clock; current = 1;
       printf("generation 1 becomes active at %d,%d, generation 0 ended at %d,%d\n",
         task[1].p0, task[1].p1, task[0].p0, task[0].p1)
     }
  od
}

init {
  atomic {
    run Worker(1); if :: WORKERS > 1 -> run Worker(2) :: else fi; run Nemesis(); run Operator();
#ifdef OLD
    run Kpi()
#endif
  }
}
