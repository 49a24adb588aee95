/* netviz.layers.tcp.block in C; the tests hold one against the other. */

#include "native.h"

#include <stddef.h>
#include <structmember.h>

static const int64_t LINGER = 1000000000, UNANSWERED = 200000000000;

enum { MOST = 512, MOST_WHOLE = 20000, PATIENCE = 64 };

static int block_init(Block *block, PyObject *args, PyObject *words)
{
    PyObject *listener;
    int flip, counting, whole;
    long long first, start;
    if (words && PyDict_GET_SIZE(words)) {
        PyErr_SetString(PyExc_TypeError, "a Block takes no keywords");
        return -1;
    }
    if (!PyArg_ParseTuple(args, "iLLOpp", &flip, &first, &start, &listener, &counting, &whole))
        return -1;
    if (flip != 0 && flip != 1) {
        PyErr_SetString(PyExc_ValueError, "a side is 0 or 1");
        return -1;
    }
    PyObject *rows = PyList_New(0);
    if (!rows)
        return -1;
    Py_XSETREF(block->rows, rows);
    Py_INCREF(listener);
    Py_XSETREF(block->listener, listener);
    block->flip = flip;
    block->counting = (char)counting;
    block->whole = (char)whole;
    block->first = block->last = first;
    block->start = block->stop = start;
    block->phase = OPENING;
    block->opener = -1;
    block->patience = PATIENCE;
    block->opened = block->end = block->dropped = 0;
    block->due = 0;
    block->begun = NO_TIME;
    block->rtt = 0;
    for (int side = 0; side < 2; side++) {
        block->answered[side] = block->acked[side] = 0;
        block->isn[side] = block->fin[side] = -1;
        sender_end(&block->sender[side]);
        sender_begin(&block->sender[side]);
    }
    return 0;
}

static void block_dealloc(Block *block)
{
    Py_CLEAR(block->rows);
    Py_CLEAR(block->listener);
    sender_end(&block->sender[0]);
    sender_end(&block->sender[1]);
    Py_TYPE(block)->tp_free((PyObject *)block);
}

static int side_of(PyObject *argument)
{
    long side = PyLong_AsLong(argument);
    if (side != 0 && side != 1 && !PyErr_Occurred())
        PyErr_SetString(PyExc_IndexError, "a side is 0 or 1");
    return PyErr_Occurred() ? -1 : (int)side;
}

static PyObject *block_initial(Block *block, PyObject *argument)
{
    int side = side_of(argument);
    return side < 0 ? NULL : PyLong_FromLongLong(block->isn[side]);
}

static PyObject *block_answered(Block *block, PyObject *argument)
{
    int side = side_of(argument);
    return side < 0 ? NULL : PyBool_FromLong(block->answered[side]);
}

static PyObject *block_traffic(Block *block, PyObject *argument)
{
    int side = side_of(argument), special = 0;
    if (side < 0)
        return NULL;
    const Sender *sender = &block->sender[side];
    for (int i = RETRANSMISSIONS; i < COUNTERS; i++)
        special |= sender->firsts[i] != 0;
    int size = special ? 2 * COUNTERS + 1 : RETRANSMISSIONS;
    PyObject *made = PyTuple_New(size);
    for (int i = 0; made && i < size; i++) {
        int64_t value = i == LOST       ? sender_lost(sender)
                        : i < COUNTERS  ? sender->counts[i]
                        : i == COUNTERS ? sender->stalled
                                        : sender->firsts[i - COUNTERS - 1];
        PyObject *number = PyLong_FromLongLong(value);
        if (!number)
            Py_CLEAR(made);
        else
            PyTuple_SET_ITEM(made, i, number);
    }
    return made;
}

static int silent(const Block *block, int64_t time, int64_t limit)
{
    return since(block->stop, time, 0) > limit;
}

int block_departs(const Block *block, int side, int flags, uint32_t seq, int64_t time)
{
    int64_t known = block->isn[side];
    if (!block->sender[0].counts[PACKETS] && !block->sender[1].counts[PACKETS])
        return 0;
    if (!(flags & SYN))
        return block->phase == OVER && silent(block, time, LINGER);
    if (flags & ACKNOWLEDGES)
        return block->opener < 0 || (block->phase != OPENING && known != -1 && known != (int64_t)seq);
    if (block->phase == OVER)
        return known != (int64_t)seq || block->fin[0] >= 0 || block->fin[1] >= 0 || block->opener != side ||
               silent(block, time, LINGER);
    if (known < 0)
        return block->phase != OPENING;
    return known != (int64_t)seq || (block->phase == OPENING && silent(block, time, UNANSWERED));
}

/* How far the connection is after a segment; true where the segment is one of those that decide it. */
static int step(Block *block, int side, const Sent *sent)
{
    int phase = block->phase, flags = sent->flags, keep = (flags & (SYN | FIN | RST)) != 0;
    if (keep)
        block->patience = PATIENCE;
    else if (phase == OPENING) {
        keep = block->patience > 0;
        block->patience -= keep;
    }
    if (flags & SYN) {
        if (block->isn[side] < 0)
            block->isn[side] = sent->seq;
        if (block->opener < 0)
            block->opener = flags & ACKNOWLEDGES ? 1 - side : side;
        if (flags & ACKNOWLEDGES)
            block->answered[side] = 1;
        block->due = phase == OPEN && flags & ACKNOWLEDGES;
        if (phase == OVER && !(flags & ACKNOWLEDGES))
            block->phase = OPENING;
    } else if (flags & RST) {
        block->phase = OVER;
    } else {
        if (block->due && side == block->opener) {
            keep = 1;
            block->due = 0;
        }
        if (phase == OPENING && (block->opener < 0 || (flags & ACKNOWLEDGES && block->answered[1 - side])))
            block->phase = OPEN;
        if (flags & FIN && block->fin[side] < 0) {
            block->fin[side] = (uint32_t)(sent->seq + (uint32_t)sent->length + 1);
            if (phase < CLOSING)
                block->phase = CLOSING;
        }
        int64_t fin = block->fin[1 - side];
        if (flags & ACKNOWLEDGES && fin >= 0 && !block->acked[1 - side] && (int32_t)(sent->ack - (uint32_t)fin) >= 0) {
            block->acked[1 - side] = 1;
            keep = 1;
            if (block->acked[side])
                block->phase = OVER;
        }
    }
    return keep;
}

static PyObject *number(int64_t value, int64_t none)
{
    return value == none ? Py_NewRef(Py_None) : PyLong_FromLongLong(value);
}

static int keep_row(Block *block, int side, const Sent *sent, int64_t ordinal, int special, const uint8_t *options, Py_ssize_t size)
{
    if (PyList_GET_SIZE(block->rows) >= (block->whole ? MOST_WHOLE : MOST)) {
        block->dropped++;
        return 0;
    }
    PyObject *row = PyTuple_New(11);
    if (!row)
        return -1;
    PyTuple_SET_ITEM(row, 0, PyLong_FromLongLong(sent->packet));
    PyTuple_SET_ITEM(row, 1, number(sent->time, NO_TIME));
    PyTuple_SET_ITEM(row, 2, PyLong_FromLong(side));
    PyTuple_SET_ITEM(row, 3, PyLong_FromLong(sent->flags));
    PyTuple_SET_ITEM(row, 4, PyLong_FromUnsignedLong(sent->seq));
    PyTuple_SET_ITEM(row, 5, PyLong_FromUnsignedLong(sent->ack));
    PyTuple_SET_ITEM(row, 6, number(sent->window, -1));
    PyTuple_SET_ITEM(row, 7, PyLong_FromLongLong(sent->length));
    PyTuple_SET_ITEM(row, 8, PyLong_FromLongLong(ordinal));
    PyTuple_SET_ITEM(row, 9, PyBytes_FromStringAndSize((const char *)options, size));
    PyTuple_SET_ITEM(row, 10, PyLong_FromLong(special));
    int failed = PyErr_Occurred() != NULL || PyList_Append(block->rows, row) < 0;
    Py_DECREF(row);
    return failed ? -1 : 0;
}

static int listen(Block *block, int side, const Sent *sent, const uint8_t *payload, Py_ssize_t size)
{
    int known = block->isn[side] >= 0 || sent->flags & SYN;
    PyObject *listener = Py_NewRef(block->listener);
    PyObject *done = PyObject_CallFunction(listener, "iLy#LO", side, (long long)sent->seq + (sent->flags >> 1 & 1),
                                           (const char *)payload, size, (long long)sent->length, known ? Py_True : Py_False);
    int answer = done ? PyObject_IsTrue(done) : -1;
    Py_XDECREF(done);
    Py_DECREF(listener);
    if (answer > 0) {
        Py_INCREF(Py_None);
        Py_SETREF(block->listener, Py_None);
    }
    return answer < 0 ? -1 : 0;
}

int block_take(Block *block, int side, const Sent *sent, const uint8_t *payload, Py_ssize_t captured, const uint8_t *options,
               Py_ssize_t size)
{
    int64_t ordinal = block->sender[0].counts[PACKETS] + block->sender[1].counts[PACKETS];
    int special = NOTHING, phase = block->phase;
    if (block->counting) {
        special = sender_send(&block->sender[side], sent, &block->sender[1 - side], block->rtt);
        if (special < 0) {
            PyErr_NoMemory();
            return -1;
        }
    } else {
        block->sender[side].counts[PACKETS]++;
        block->sender[side].counts[BYTES] += sent->length;
    }
    block->last = sent->packet;
    if (sent->time != NO_TIME)
        block->stop = sent->time;
    if (special == COPY)
        return block->whole ? keep_row(block, side, sent, ordinal, special, options, 0) : 0;
    if (sent->length && block->listener != Py_None && listen(block, side, sent, payload, captured) < 0)
        return -1;
    int keep = step(block, side, sent);
    if (side == block->opener && sent->time != NO_TIME) {
        if (sent->flags & SYN && !(sent->flags & ACKNOWLEDGES))
            block->begun = sent->time;
        else if (block->begun != NO_TIME && !block->rtt && block->answered[1 - side]) {
            int64_t rtt = since(block->begun, sent->time, 1);
            block->rtt = rtt > 1 ? rtt : 1;
        }
    }
    if (phase == OPENING && block->phase != OPENING)
        block->opened = sent->packet;
    if ((keep || block->whole) &&
        keep_row(block, side, sent, ordinal, special, options, phase == OPENING || sent->flags & SYN ? size : 0) < 0)
        return -1;
    block->end = block->phase == OVER ? (block->end ? block->end : sent->packet) : 0;
    return 0;
}

static PyObject *block_steady(Block *block, void *closure)
{
    return PyBool_FromLong(block->phase == OPEN && !block->due && block->listener == Py_None && !block->counting && !block->whole);
}

#define NUMBER(name) {#name, T_LONGLONG, offsetof(Block, name), READONLY, NULL}

static PyMemberDef members[] = {
    {"flip", T_INT, offsetof(Block, flip), READONLY, NULL},
    {"phase", T_INT, offsetof(Block, phase), READONLY, NULL},
    {"opener", T_INT, offsetof(Block, opener), READONLY, NULL},
    {"rows", T_OBJECT_EX, offsetof(Block, rows), READONLY, NULL},
    {"listener", T_OBJECT, offsetof(Block, listener), READONLY, NULL},
    NUMBER(first), NUMBER(last), NUMBER(start), NUMBER(stop), NUMBER(opened), NUMBER(end), NUMBER(dropped),
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"steady", (getter)block_steady, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef block_methods[] = {
    {"initial", (PyCFunction)block_initial, METH_O, "The initial sequence number of a side by its own SYN."},
    {"answered", (PyCFunction)block_answered, METH_O, "Whether a side sent a SYN-ACK."},
    {"traffic", (PyCFunction)block_traffic, METH_O, "What a side sent."},
    {NULL, NULL, 0, NULL},
};

PyTypeObject BlockType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "netviz._native.Block",
    .tp_basicsize = sizeof(Block),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)block_init,
    .tp_dealloc = (destructor)block_dealloc,
    .tp_members = members,
    .tp_getset = properties,
    .tp_methods = block_methods,
};
