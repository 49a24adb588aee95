/* What the loops in C share. */

#ifndef NETVIZ_NATIVE_H
#define NETVIZ_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

enum { FIN = 1, SYN = 2, RST = 4, ACKNOWLEDGES = 16 };

static inline uint32_t word(const uint8_t *p, int big)
{
    return big ? (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]
               : (uint32_t)p[3] << 24 | p[2] << 16 | p[1] << 8 | p[0];
}

static inline uint32_t be16(const uint8_t *p) { return (uint32_t)p[0] << 8 | p[1]; }

/* traffic.c: what one side sends, as netviz.layers.tcp.traffic counts it. */

enum { NOTHING, RETRANSMISSION, OUT_OF_ORDER, DUPLICATE_ACK, ZERO_WINDOW, KEEP_ALIVE, PROBE, COPY, GAP };
enum { PACKETS, BYTES, RETRANSMISSIONS, OUTS_OF_ORDER, DUPLICATE_ACKS, ZERO_WINDOWS, KEEP_ALIVES, LOST, COPIES, COUNTERS };
enum { HOLES = 16, RECENT = 8 };

#define NO_TIME INT64_MIN

/* From one time to another; as far as 64 bits reach, for times in a file may be anything. */
static inline int64_t since(int64_t before, int64_t now, int64_t unknown)
{
    if (before == NO_TIME || now == NO_TIME)
        return unknown;
    if (before < 0 && now > INT64_MAX + before)
        return INT64_MAX;
    if (before > 0 && now < INT64_MIN + before)
        return INT64_MIN;
    return now - before;
}

typedef struct {
    int64_t packet, time, window, length;
    uint32_t seq, ack, mark;
    int flags;
} Sent;

typedef struct {
    uint32_t start, end, ident;
    int64_t time;
} Hole;

typedef struct {
    int64_t counts[COUNTERS], firsts[COUNTERS], stalled, zero, next, ack, window;
    int alive, bare, hole_count, recent_count, recent_at;
    int64_t duplicates;
    Hole *holes;
    Sent *recent;
} Sender;

void sender_begin(Sender *sender);
void sender_end(Sender *sender);
/* The answer is what is special about the segment; -1 where there is no memory. */
int sender_send(Sender *sender, const Sent *sent, Sender *peer, int64_t rtt);
int64_t sender_lost(const Sender *sender);

/* block.c: how far a connection is, as netviz.layers.tcp.block says it. */

enum { OPENING, OPEN, CLOSING, OVER };

typedef struct {
    PyObject_HEAD
    int flip, phase, opener, patience;
    char counting, whole, due, answered[2], acked[2];
    long long first, last, start, stop, opened, end, dropped;
    int64_t isn[2], fin[2], begun, rtt;
    PyObject *rows, *listener;
    Sender sender[2];
} Block;

extern PyTypeObject BlockType;
/* Whether a segment does not belong to it any more. */
int block_departs(const Block *block, int side, int flags, uint32_t seq, int64_t time);
/* A segment of a side; -1 where there is an error. */
int block_take(Block *block, int side, const Sent *sent, const uint8_t *payload, Py_ssize_t captured, const uint8_t *options,
               Py_ssize_t size);

/* following.c: the segments of a Batch, one by one, to the Blocks of their connections. */

PyObject *follow(PyObject *self, PyObject *args);

/* json.c: machine output. */

PyObject *lines(PyObject *self, PyObject *args);
PyObject *moment(PyObject *self, PyObject *const *given, Py_ssize_t count);
PyObject *seconds(PyObject *self, PyObject *ns);

/* messages.c: the same of what is said. */

PyObject *messages(PyObject *self, PyObject *args);

/* talk.c: what frames say. */

PyObject *unmasked(PyObject *self, PyObject *args);

/* records.c: records of TLS. */

PyObject *opened(PyObject *self, PyObject *args);
PyObject *opened_all(PyObject *self, PyObject *args);
PyObject *convey(PyObject *self, PyObject *args);

#endif
