/* The memory of C11 as a machine, for the models beside this file; litmus.pml checks it.
 *
 * Every word keeps all values that were ever written to it, in order. Every process remembers, for each word, the
 * oldest write that it may still read: its view. A load picks any write from there on, so it may be as stale as C11
 * allows, and two loads may be answered as if they had changed places. What a process learns when it reads a write is
 * the view that was stored with it:
 *
 *   store release    passes on all that the writer knows
 *   store relaxed    passes on what it knew at its last release fence
 *   load acquire     learns at once what is passed on
 *   load relaxed     learns it at the next acquire fence
 *   fetch_add        reads the last write, and passes on what that one passed on; its release part is no fence
 *   fence seq_cst    acquire and release fence, and learns what every earlier seq_cst fence knew
 *
 * This is the operational form of RC11 ("ORC11", Dang et al. 2020; "promising semantics" without promises, Kang et al.
 * 2017). Store buffers, FIFO for each process (TSO) or for each word (PSO), are special cases of it: a store that is
 * not seen yet is one that still lies in a buffer.
 *
 * Plain memory (what memcpy and NumPy touch) is checked for C11's data races: a plain access must have every earlier
 * write, and a plain write also every earlier read, in its view; else `raced` becomes true. Where there is no race, no
 * compiler and no processor can make an access move so that it matters, in either direction.
 *
 * A word has one writer at a time, or is changed by fetch_add only: so the order of its values is the order of their
 * writing. Not covered: a store that others see before an earlier relaxed load of the same process was answered ("load
 * buffering"). The comment of each model says why its protocol has no room for that.
 *
 * Before this file is included: PROCESSES, WORDS, PLAIN (how many), WRITES (more than the most writes to one word). */

#define RELAXED 0
#define ACQUIRE 1
#define RELEASE 2

/* A plain word has two entries in a view: how many of its writes and of its reads are known. */
#define VIEW (WORDS + 2 * PLAIN)
#define WRITES_OF(p) (WORDS + 2 * (p))
#define READS_OF(p) (WORDS + 2 * (p) + 1)

typedef View { byte upto[VIEW] };
typedef Write { byte value; View passes_on };
typedef Word { byte last; Write write[WRITES] };
typedef Process { View knows, after_acquire, at_release };

Word word[WORDS];
Process process[PROCESSES];
View seq_cst, lock; /* what the last fence seq_cst and the last holder of a lock knew */
byte picked; /* always 0 between two steps */
hidden byte i_, n_, w_, p_, floor_;

byte accesses[2 * PLAIN + 1]; /* how often each plain word was written, and read */
bool raced, left[PROCESSES];

#define MIN(a, b) ((a) < (b) -> (a) : (b))
#define LESS(a, b) ((a) > (b) -> (a) - (b) : 0)
#define MAX(a, b) ((a) > (b) -> (a) : (b))
#define EACH i_ : 0 .. VIEW - 1

/* To be used within a d_step. */
inline learn(me, view)
{
    for (EACH) {
        process[me].knows.upto[i_] = MAX(process[me].knows.upto[i_], view.upto[i_]);
        process[me].after_acquire.upto[i_] = MAX(process[me].after_acquire.upto[i_], view.upto[i_]);
    }
}

/* Forget the writes that nobody can read any more, so that states that differ in their past alone are one state. Does
   not change what any process may do next. For the end of a d_step in which a process has learnt something. */
inline tidy()
{
    for (w_ : 0 .. VIEW - 1) {
        floor_ = 255;
        for (p_ : 0 .. PROCESSES - 1) { floor_ = (left[p_] -> floor_ : MIN(floor_, process[p_].knows.upto[w_])); }
        if
        :: floor_ > 0 && floor_ < 255 ->
            if
            :: w_ < WORDS ->
                word[w_].last = word[w_].last - floor_;
                for (n_ : 0 .. WRITES - 1) {
                    word[w_].write[n_].value = (n_ + floor_ < WRITES -> word[w_].write[n_ + floor_].value : 0);
                    for (EACH) {
                        word[w_].write[n_].passes_on.upto[i_] =
                            (n_ + floor_ < WRITES -> word[w_].write[n_ + floor_].passes_on.upto[i_] : 0);
                    }
                }
            :: else ->
                accesses[w_ - WORDS] = accesses[w_ - WORDS] - floor_
            fi;
            for (p_ : 0 .. PROCESSES - 1) {
                process[p_].knows.upto[w_] = LESS(process[p_].knows.upto[w_], floor_);
                process[p_].after_acquire.upto[w_] = LESS(process[p_].after_acquire.upto[w_], floor_);
                process[p_].at_release.upto[w_] = LESS(process[p_].at_release.upto[w_], floor_);
            }
            seq_cst.upto[w_] = LESS(seq_cst.upto[w_], floor_);
            lock.upto[w_] = LESS(lock.upto[w_], floor_);
            for (p_ : 0 .. WORDS - 1) {
                for (n_ : 0 .. WRITES - 1) {
                    word[p_].write[n_].passes_on.upto[w_] = LESS(word[p_].write[n_].passes_on.upto[w_], floor_);
                }
            }
        :: else
        fi
    }
    floor_ = 0
}

inline store(me, w, new, order)
{
    d_step {
        n_ = word[w].last + 1;
        assert(n_ < WRITES);
        word[w].write[n_].value = new;
        word[w].last = n_;
        process[me].knows.upto[w] = n_;
        process[me].after_acquire.upto[w] = n_;
        for (EACH) {
            word[w].write[n_].passes_on.upto[i_] =
                (order == RELEASE -> process[me].knows.upto[i_] : process[me].at_release.upto[i_]);
        }
        word[w].write[n_].passes_on.upto[w] = n_;
    }
}

inline load(me, w, order, out)
{
    atomic {
        picked = process[me].knows.upto[w];
        do
        :: picked < word[w].last -> picked++
        :: break
        od;
        answer(me, w, order, out)
    }
}

/* The second half of a load: `picked` is what it reads. */
inline answer(me, w, order, out)
{
    d_step {
        out = word[w].write[picked].value;
        process[me].knows.upto[w] = picked;
        for (EACH) {
            process[me].after_acquire.upto[i_] =
                MAX(process[me].after_acquire.upto[i_], word[w].write[picked].passes_on.upto[i_]);
            process[me].knows.upto[i_] =
                MAX(process[me].knows.upto[i_], (order == ACQUIRE -> word[w].write[picked].passes_on.upto[i_] : 0));
        }
        picked = 0;
        tidy();
    }
}

/* A word that nobody else writes: its owner, or who took its place, knows the last value. */
inline load_own(me, w, out)
{
    d_step {
        assert(process[me].knows.upto[w] == word[w].last);
        out = word[w].write[word[w].last].value;
    }
}

inline fetch_add(me, w, order)
{
    d_step {
        n_ = word[w].last + 1;
        assert(n_ < WRITES);
        word[w].write[n_].value = word[w].write[n_ - 1].value + 1;
        word[w].last = n_;
        process[me].knows.upto[w] = n_;
        for (EACH) {
            process[me].after_acquire.upto[i_] =
                MAX(process[me].after_acquire.upto[i_], word[w].write[n_ - 1].passes_on.upto[i_]);
            word[w].write[n_].passes_on.upto[i_] =
                MAX((order == RELEASE -> process[me].knows.upto[i_] : process[me].at_release.upto[i_]),
                    word[w].write[n_ - 1].passes_on.upto[i_]);
        }
        process[me].after_acquire.upto[w] = n_;
        word[w].write[n_].passes_on.upto[w] = n_;
    }
}

inline fence_acquire(me)
{
    d_step {
        for (EACH) { process[me].knows.upto[i_] = process[me].after_acquire.upto[i_]; }
        tidy();
    }
}

inline fence_release(me)
{
    d_step { for (EACH) { process[me].at_release.upto[i_] = process[me].knows.upto[i_]; } }
}

inline fence_seq_cst(me)
{
    d_step {
        for (EACH) {
            seq_cst.upto[i_] = MAX(seq_cst.upto[i_], process[me].after_acquire.upto[i_]);
            process[me].knows.upto[i_] = seq_cst.upto[i_];
            process[me].after_acquire.upto[i_] = seq_cst.upto[i_];
            process[me].at_release.upto[i_] = seq_cst.upto[i_];
        }
        tidy();
    }
}

/* A process takes the place of one that was killed. rb_role_take lets it know what that one knew; the fences of its
   predecessor are not its own. What that one wrote last is in the memory: it went through the kernel. */
inline take_over(me)
{
    d_step {
        picked = 0;
        for (EACH) {
            process[me].after_acquire.upto[i_] = process[me].knows.upto[i_];
            process[me].at_release.upto[i_] = 0;
        }
    }
}

/* A process that is gone for good reads nothing any more. */
inline leave(me)
{
    d_step {
        for (EACH) {
            process[me].knows.upto[i_] = 0;
            process[me].after_acquire.upto[i_] = 0;
            process[me].at_release.upto[i_] = 0;
        }
        left[me] = true;
        tidy();
    }
}

/* A lock, as the kernel has one around each futex: who holds it knows what every earlier holder knew. */
inline lock_enter(me)
{
    d_step { learn(me, lock); tidy(); }
}

inline lock_leave(me)
{
    d_step { for (EACH) { lock.upto[i_] = process[me].knows.upto[i_]; } }
}

/* A poll, without its idle rounds: wait until there is a write that is newer than what this process has read. */
#define NEWS(me, w) (word[w].last > process[me].knows.upto[w])

#if PLAIN
short plain[PLAIN];

#define KNOWS_ALL(me, view_entry) (process[me].knows.upto[view_entry] == accesses[(view_entry) - WORDS])

inline count(me, view_entry)
{
    accesses[(view_entry) - WORDS]++;
    process[me].knows.upto[view_entry] = accesses[(view_entry) - WORDS];
    process[me].after_acquire.upto[view_entry] = accesses[(view_entry) - WORDS];
}

inline plain_write(me, p, new)
{
    d_step {
        raced = raced || !KNOWS_ALL(me, WRITES_OF(p)) || !KNOWS_ALL(me, READS_OF(p));
        assert(!raced);
        plain[p] = new;
        count(me, WRITES_OF(p))
    }
}

inline plain_read(me, p, out)
{
    d_step {
        raced = raced || !KNOWS_ALL(me, WRITES_OF(p));
        assert(!raced);
        out = plain[p];
        count(me, READS_OF(p))
    }
}
#endif
