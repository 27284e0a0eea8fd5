/* The memory of memory.pml against what C11 says about the classic small programs; with BUFFERS that of buffers.pml.
 *
 * -DSB, -DMP, ... chooses the program. It ends with assert(!seen): Spin finds an error where the machine allows the
 * outcome that the program is known for. test_model.py holds the table of what C11 allows. STORE and LOAD give the
 * orders, FENCE_STORES and FENCE_LOADS (or FENCE, for both) the fences: none by default. */
#ifndef STORE
#define STORE RELAXED
#endif
#ifndef LOAD
#define LOAD RELAXED
#endif
#ifndef FENCE
#define FENCE none
#endif
#ifndef FENCE_STORES
#define FENCE_STORES FENCE
#endif
#ifndef FENCE_LOADS
#define FENCE_LOADS FENCE
#endif

#define PROCESSES 4
#define WORDS 3
#define PLAIN 0
#define WRITES 4
#ifdef BUFFERS
#include "buffers.pml"
#else
#include "memory.pml"
#endif

inline none(me) { skip }

#define X 0
#define Y 1
#define Z 2
byte a, b, c, d, done;
bool seen;

#if defined(SB) /* store buffering: both read 0 */
#define RUNS 2
#define SEEN (a == 0 && b == 0)
active proctype P0() { store(0, X, 1, STORE); FENCE(0); load(0, Y, LOAD, a); done++ }
active proctype P1() { store(1, Y, 1, STORE); FENCE(1); load(1, X, LOAD, b); done++ }
#elif defined(MP) /* message passing: the flag without the message */
#define RUNS 2
#define SEEN (a == 1 && b == 0)
active proctype P0() { store(0, X, 1, RELAXED); FENCE_STORES(0); store(0, Y, 1, STORE); done++ }
active proctype P1() { load(1, Y, LOAD, a); FENCE_LOADS(1); load(1, X, RELAXED, b); done++ }
#elif defined(MP_ADD) /* message passing through another process's relaxed fetch_add: a release sequence */
#define RUNS 3
#define SEEN (a == 2 && b == 0)
active proctype P0() { store(0, X, 1, RELAXED); fetch_add(0, Y, STORE); done++ }
active proctype P1() { load(1, Y, LOAD, a); load(1, X, RELAXED, b); done++ }
active proctype P2() { fetch_add(2, Y, RELAXED); done++ }
#elif defined(SB_ADD) /* store buffering with fetch_add where a fence belongs */
#define RUNS 2
#define SEEN (a == 0 && b == 0)
active proctype P0() { store(0, X, 1, RELAXED); fetch_add(0, Z, RELEASE); load(0, Y, ACQUIRE, a); done++ }
active proctype P1() { store(1, Y, 1, RELAXED); fetch_add(1, Z, RELEASE); load(1, X, ACQUIRE, b); done++ }
#elif defined(COHERENCE) /* one word never goes back */
#define RUNS 2
#define SEEN (b < a)
active proctype P0() { store(0, X, 1, RELAXED); store(0, X, 2, RELAXED); done++ }
active proctype P1() { load(1, X, RELAXED, a); load(1, X, RELAXED, b); done++ }
#elif defined(WRC) /* write to read causality: told by one who was told */
#define RUNS 3
#define SEEN (a == 1 && b == 1 && c == 0)
active proctype P0() { store(0, X, 1, RELAXED); done++ }
active proctype P1() { load(1, X, LOAD, a); FENCE(1); store(1, Y, 1, STORE); done++ }
active proctype P2() { load(2, Y, LOAD, b); FENCE(2); load(2, X, RELAXED, c); done++ }
#elif defined(IRIW) /* two readers see two independent writes in different orders */
#define RUNS 4
#define SEEN (a == 1 && b == 0 && c == 1 && d == 0)
active proctype P0() { store(0, X, 1, STORE); done++ }
active proctype P1() { store(1, Y, 1, STORE); done++ }
active proctype P2() { load(2, X, LOAD, a); FENCE(2); load(2, Y, LOAD, b); done++ }
active proctype P3() { load(3, Y, LOAD, c); FENCE(3); load(3, X, LOAD, d); done++ }
#elif defined(LB) /* load buffering: the limit that memory.pml admits */
#define RUNS 2
#define SEEN (a == 1 && b == 1)
active proctype P0() { load(0, X, RELAXED, a); store(0, Y, 1, RELAXED); done++ }
active proctype P1() { load(1, Y, RELAXED, b); store(1, X, 1, RELAXED); done++ }
#endif

active proctype outcome()
{
    done == RUNS;
    seen = SEEN;
    assert(!seen)
}

#ifdef BUFFERS
init
{
    atomic { run hardware(0); run hardware(1); run hardware(2) }
}
#endif
