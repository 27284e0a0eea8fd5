/* Memory behind store buffers: a smaller machine than memory.pml, with the same operations, for larger configurations.
 *
 * Each process has a buffer. A store goes to its end; a load finds the newest store to its word there, else what the
 * memory holds. Entries leave the buffer for the memory at any time, those for different words in any order (PSO, which
 * includes TSO), but a release only after all that were in front of it. fetch_add is an entry, too, which adds when it
 * leaves; nobody here asks what it found. Only fence_seq_cst, and the kernel, wait until the buffer is empty. A killed
 * process's entries still leave. Loads are answered in program order: memory.pml also lets them be answered out of it.
 *
 * Before this file is included: PROCESSES, WORDS. */

#define RELAXED 0
#define ACQUIRE 1
#define RELEASE 2

#define BUFFER 3 /* a store waits while its buffer is full */

typedef Entry { byte target, value; bool add, release };
typedef Buffer { byte length; Entry entry[BUFFER] };

byte word[WORDS];
Buffer buffer[PROCESSES];
hidden byte i_;

#define HOLDS(p, n, w) (buffer[p].length > (n) && buffer[p].entry[n].target == (w))
#define AFTER_ENTRY(p, n, before) (buffer[p].entry[n].add * (before) + buffer[p].entry[n].value)

inline append(me, w, number, adds, order)
{
    d_step {
        buffer[me].length < BUFFER ->
        buffer[me].entry[buffer[me].length].target = w;
        buffer[me].entry[buffer[me].length].value = number;
        buffer[me].entry[buffer[me].length].add = adds;
        buffer[me].entry[buffer[me].length].release = order == RELEASE;
        buffer[me].length++;
    }
}

inline store(me, w, new, order) { append(me, w, new, 0, order) }
inline fetch_add(me, w, order) { append(me, w, 1, 1, order) }

inline load(me, w, order, out)
{
    d_step {
        out = word[w];
        for (i_ : 0 .. BUFFER - 1) { out = (HOLDS(me, i_, w) -> AFTER_ENTRY(me, i_, out) : out); }
        i_ = 0;
    }
}

inline fence_seq_cst(me) { buffer[me].length == 0 }

/* Entry n of process p reaches the memory. */
inline drain(p, n)
{
    d_step {
        buffer[p].length > n && (n == 0 || (!buffer[p].entry[n].release && !HOLDS(p, 0, buffer[p].entry[n].target) &&
                                            (n == 1 || !HOLDS(p, 1, buffer[p].entry[n].target)))) ->
        word[buffer[p].entry[n].target] = AFTER_ENTRY(p, n, word[buffer[p].entry[n].target]);
        for (i_ : n .. BUFFER - 2) {
            buffer[p].entry[i_].target = buffer[p].entry[i_ + 1].target;
            buffer[p].entry[i_].value = buffer[p].entry[i_ + 1].value;
            buffer[p].entry[i_].add = buffer[p].entry[i_ + 1].add;
            buffer[p].entry[i_].release = buffer[p].entry[i_ + 1].release;
        }
        buffer[p].entry[BUFFER - 1].target = 0;
        buffer[p].entry[BUFFER - 1].value = 0;
        buffer[p].entry[BUFFER - 1].add = 0;
        buffer[p].entry[BUFFER - 1].release = 0;
        buffer[p].length--;
    }
}

proctype hardware(byte p)
{
end:
    do
    :: drain(p, 0)
    :: drain(p, 1)
    :: drain(p, 2)
    od
}

inline take_over(me) { skip }
inline leave(me) { skip }
inline lock_enter(me) { fence_seq_cst(me) }
inline lock_leave(me) { skip }
