/* The loop of netviz.following over the segments of a Batch; the tests hold one against the other. */

#include "native.h"

/* Whether an object is a Block whose __init__ has run: a class made of it may have forgotten to call that. */
static int is_block(PyObject *object) { return PyObject_TypeCheck(object, &BlockType) && ((Block *)object)->rows; }

/* follow(buffer, times, offsets, captured, rows, columns, side, group, first, blocks, turn) -> (opened, ended, splits)

   columns is a tuple of those of netviz.layers.tcp.segment.Segments; side and group say for each segment which endpoint sent
   it and which of blocks it belongs to.  turn(group, index, block, side, flags, packet, time) is asked where there is no
   Block, or one that the segment does not belong to; it answers with another or None. */
PyObject *follow(PyObject *self, PyObject *args)
{
    enum { AT, SEQ, ACK, FLAGS, WINDOW, PAYLOAD, LENGTH, CAPTURED, MARK, COLUMNS };
    enum { BUFFER, TIMES, OFFSETS, SIZES, ROWS, SIDES, GROUPS, OTHERS };
    PyObject *object[OTHERS], *columns, *blocks, *turn, *opened = NULL, *ended = NULL, *splits = NULL, *made = NULL;
    Py_buffer view[OTHERS + COLUMNS];
    const int64_t *column[COLUMNS];
    long long first;
    if (!PyArg_ParseTuple(args, "OOOOOO!OOLO!O", &object[BUFFER], &object[TIMES], &object[OFFSETS], &object[SIZES],
                          &object[ROWS], &PyTuple_Type, &columns, &object[SIDES], &object[GROUPS], &first, &PyList_Type, &blocks,
                          &turn))
        return NULL;
    int got = 0, fits = PyTuple_GET_SIZE(columns) == COLUMNS;
    for (; fits && got < OTHERS + COLUMNS; got++)
        if (PyObject_GetBuffer(got < OTHERS ? object[got] : PyTuple_GET_ITEM(columns, got - OTHERS), &view[got], PyBUF_SIMPLE) < 0)
            goto done;
    if (!fits)
        goto done;
    const uint8_t *bytes = view[BUFFER].buf, *sides = view[SIDES].buf;
    const int64_t *times = view[TIMES].buf, *offsets = view[OFFSETS].buf, *sizes = view[SIZES].buf, *rows = view[ROWS].buf,
                  *groups = view[GROUPS].buf;
    Py_ssize_t count = view[ROWS].len / 8, packets = view[TIMES].len / 8, held = view[BUFFER].len;
    fits = view[SIDES].len >= count && view[GROUPS].len / 8 >= count && view[OFFSETS].len / 8 >= packets &&
           view[SIZES].len / 8 >= packets;
    for (int i = 0; i < COLUMNS; i++) {
        fits = fits && view[OTHERS + i].len / 8 >= count;
        column[i] = view[OTHERS + i].buf;
    }
    for (Py_ssize_t i = 0; fits && i < PyList_GET_SIZE(blocks); i++)
        fits = PyList_GET_ITEM(blocks, i) == Py_None || is_block(PyList_GET_ITEM(blocks, i));
    opened = PyList_New(0);
    ended = PyList_New(0);
    splits = PyList_New(0);
    fits = fits && first >= 0 && first <= INT64_MAX - packets;
    if (!fits || !opened || !ended || !splits)
        goto done;
    for (Py_ssize_t i = 0; i < count; i++) {
        int64_t group = groups[i], row = rows[i];
        if (group < 0 || group >= PyList_GET_SIZE(blocks) || row < 0 || row >= packets) {
            fits = 0;
            break;
        }
        int64_t offset = offsets[row], size = sizes[row], at = column[AT][i], payload = column[PAYLOAD][i];
        int64_t captured = column[CAPTURED][i], length = column[LENGTH][i];
        if (offset < 0 || size < 0 || size > held - offset || at < 0 || at > held || payload < 0 || payload > held + 64 ||
            captured < 0 || (captured && payload > held - captured) || length < 0 || length > UINT32_MAX) {
            fits = 0;
            break;
        }
        Sent sent = {first + row,         times[row],      column[WINDOW][i],     length,            (uint32_t)column[SEQ][i],
                     (uint32_t)column[ACK][i], (uint32_t)column[MARK][i], (int)column[FLAGS][i]};
        PyObject *owner = PyList_GET_ITEM(blocks, group);
        int side = sides[i] ? 1 : 0;
        if (owner != Py_None && !is_block(owner)) {
            fits = 0; /* who was asked meanwhile put it there */
            break;
        }
        Py_INCREF(owner);
        if (owner == Py_None || block_departs((Block *)owner, side ^ ((Block *)owner)->flip, sent.flags, sent.seq, sent.time)) {
            PyObject *other = PyObject_CallFunction(turn, "LnOiiLL", (long long)group, i, owner, side, sent.flags,
                                                    (long long)sent.packet, (long long)sent.time);
            if (!other || (other != Py_None && !is_block(other))) {
                Py_DECREF(owner);
                Py_XDECREF(other);
                fits = 0;
                break;
            }
            PyObject *split = other == owner ? NULL : Py_BuildValue("LnOO", (long long)group, i, owner, other);
            int failed = other != owner && (!split || PyList_Append(splits, split) < 0);
            Py_XDECREF(split);
            Py_INCREF(other);
            Py_SETREF(owner, other);
            if (PyList_SetItem(blocks, group, other) < 0 || failed) {
                Py_DECREF(owner);
                break;
            }
        }
        int failed = 0;
        if (owner != Py_None) {
            Block *block = (Block *)owner;
            int phase = block->phase;
            int64_t options = at + 20, until = payload < offset + size ? payload : offset + size;
            size = until > options ? until - options : 0;
            failed = block_take(block, side ^ block->flip, &sent, bytes + (captured ? payload : 0), captured,
                          bytes + (size ? options : 0), size) < 0 ||
                     (phase == OPENING && block->phase != OPENING && PyList_Append(opened, owner) < 0) ||
                     (phase != OVER && block->phase == OVER && PyList_Append(ended, owner) < 0);
        }
        Py_DECREF(owner);
        if (failed)
            break;
    }
    if (fits && !PyErr_Occurred())
        made = PyTuple_Pack(3, opened, ended, splits);
done:
    Py_XDECREF(opened);
    Py_XDECREF(ended);
    Py_XDECREF(splits);
    while (got)
        PyBuffer_Release(&view[--got]);
    if (!made && !PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "columns that do not fit");
    return made;
}
