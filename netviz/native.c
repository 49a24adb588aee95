/* Loops that numpy cannot do in one pass: walk the records of a capture, read the headers of ordinary packets
   (Ethernet, VLAN tags, IPv4, TCP) into columns, put payload one behind the other, and find the frames of WebSockets
   in it.

   Optional: netviz.capture.walk, netviz.table, netviz.payload and netviz.lane do the same without it, and the tests
   hold one against the other.
   Nothing here trusts a length: every read is inside the buffer, whatever the bytes say. */

#include "native.h"

#include <string.h>

enum { PCAP_LITTLE, PCAP_BIG, PCAPNG_LITTLE, PCAPNG_BIG };
enum { SECTION_HEADER = 0x0A0D0D0A, MOST_TAGS = 8 };

/* The bytes of a line of a cache, how far ahead of a walk memory is asked for, and how many packets ahead. */
enum { LINE = 64, AHEAD = 2048, SOON = 8 };

#if defined(__GNUC__) || defined(__clang__)
#define PREFETCH(p) __builtin_prefetch(p)
#else
#define PREFETCH(p) ((void)(p))
#endif

/* Columns of the segments, in the order of netviz.layers.tcp.segment.Segments. */
enum { ROW, VERSION, IP, AT, SOURCE, TARGET, SEQ, ACK, FLAGS, WINDOW, HEADER, PAYLOAD, LENGTH, CAPTURED, MARK, COLUMNS };

/* How long the record at p is, 0 where it cannot be one; left is how many bytes there are. */
static int64_t record(const uint8_t *p, int64_t left, int format, int64_t largest)
{
    if (format == PCAP_LITTLE || format == PCAP_BIG) {
        int64_t captured = word(p + 8, format == PCAP_BIG);
        /* A packet without a single byte on the wire is none: so looks a hole of zeros in a file. */
        return captured <= largest && word(p + 12, format == PCAP_BIG) ? 16 + captured : 0;
    }
    int big = format == PCAPNG_BIG;
    int64_t length = word(p + 4, big);
    if (word(p, big) == SECTION_HEADER || length < 12 || length % 4 || length > largest)
        return 0;
    if (length <= left && word(p + length - 4, big) != length)
        return 0;
    return length;
}

/* walk(buffer, start, end, format, largest, starts) -> (count, stop, blocked) */
static PyObject *walk(PyObject *self, PyObject *args)
{
    Py_buffer buffer, out;
    Py_ssize_t start, end, largest;
    int format, blocked = 0;
    if (!PyArg_ParseTuple(args, "y*nninw*", &buffer, &start, &end, &format, &largest, &out))
        return NULL;
    const uint8_t *bytes = buffer.buf;
    int64_t *starts = out.buf;
    int64_t head = format <= PCAP_BIG ? 16 : 8, room = out.len / 8, count = 0, at = start;
    if (end > buffer.len)
        end = buffer.len;
    while (at >= 0 && at + head <= end && count < room) {
        int64_t length = record(bytes + at, end - at, format, largest);
        if (!length) {
            blocked = 1;
            break;
        }
        if (length > end - at)
            break;
        starts[count++] = at;
        /* The length of a record is read when the memory has it, and that is what a walk waits for: ask ahead of it. */
        for (int64_t line = at; line < at + length && line + AHEAD < end; line += LINE)
            PREFETCH(bytes + line + AHEAD);
        at += length;
    }
    PyBuffer_Release(&buffer);
    PyBuffer_Release(&out);
    return Py_BuildValue("LLO", (long long)count, (long long)at, blocked ? Py_True : Py_False);
}

/* room(size) -> bytearray: of which nobody knows what it holds, for it is written before it is read. */
static PyObject *room(PyObject *self, PyObject *argument)
{
    Py_ssize_t size = PyLong_AsSsize_t(argument);
    if (size < 0 && !PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "less than no room");
    return PyErr_Occurred() ? NULL : PyByteArray_FromStringAndSize(NULL, size);
}

/* pcap(buffer, starts, format, unit, columns): for each record captured and wire length, and time in ns. */
static PyObject *pcap(PyObject *self, PyObject *args)
{
    Py_buffer buffer, places, out;
    int format, unit;
    if (!PyArg_ParseTuple(args, "y*y*iiw*", &buffer, &places, &format, &unit, &out))
        return NULL;
    const uint8_t *bytes = buffer.buf;
    const int64_t *starts = places.buf;
    int64_t *columns = out.buf;
    Py_ssize_t count = places.len / 8;
    int big = format == PCAP_BIG, inside = out.len / 8 >= 3 * count;
    for (Py_ssize_t i = 0; inside && i < count; i++) {
        inside = starts[i] >= 0 && starts[i] <= buffer.len - 16;
        if (!inside)
            break;
        const uint8_t *p = bytes + starts[i];
        columns[i] = word(p + 8, big);
        columns[count + i] = word(p + 12, big);
        columns[2 * count + i] = (int64_t)word(p, big) * 1000000000 + (int64_t)word(p + 4, big) * unit;
    }
    PyBuffer_Release(&buffer);
    PyBuffer_Release(&places);
    PyBuffer_Release(&out);
    if (!inside) {
        PyErr_SetString(PyExc_ValueError, "a record outside of the buffer");
        return NULL;
    }
    Py_RETURN_NONE;
}

/* Read the packet of so many captured bytes that starts at p; 0 where it is not an ordinary one. */
static int packet(const uint8_t *p, int64_t offset, int64_t captured, int64_t wire, int64_t *column, Py_ssize_t stride,
                  uint64_t *source, uint64_t *target)
{
    if (captured < 54)
        return 0;
    int64_t ip = 14;
    uint32_t type = be16(p + 12);
    for (int tags = 0; tags < MOST_TAGS && (type == 0x8100 || type == 0x88A8 || type == 0x9100); tags++) {
        if (ip + 4 > captured)
            return 0;
        type = be16(p + ip + 2);
        ip += 4;
    }
    if (type != 0x0800 || ip + 20 > captured)
        return 0;
    const uint8_t *h = p + ip;
    int64_t size = (h[0] & 15) * 4, total = be16(h + 2);
    if (!total)
        total = wire - ip;
    if (h[0] >> 4 != 4 || size < 20 || total < size || be16(h + 6) & 0x3FFF || h[9] != 6)
        return 0;
    int64_t at = ip + size, stop = ip + total;
    if (at + 20 > captured)
        return 0;
    const uint8_t *t = p + at;
    int64_t header = (t[12] >> 4) * 4, data = at + header;
    if (header < 20 || data > stop)
        return 0;
    int64_t there = (stop < captured ? stop : captured) - data;
    column[VERSION * stride] = 4;
    column[IP * stride] = offset + ip;
    column[AT * stride] = offset + at;
    column[SOURCE * stride] = be16(t);
    column[TARGET * stride] = be16(t + 2);
    column[SEQ * stride] = word(t + 4, 1);
    column[ACK * stride] = word(t + 8, 1);
    column[FLAGS * stride] = t[13];
    column[WINDOW * stride] = be16(t + 14);
    column[HEADER * stride] = header;
    column[PAYLOAD * stride] = offset + data;
    column[LENGTH * stride] = stop - data;
    column[CAPTURED * stride] = there > 0 ? there : 0;
    column[MARK * stride] = (int64_t)be16(h + 4) << 16 | be16(t + 16);
    *source = (uint64_t)word(h + 12, 1) << 16 | be16(t);
    *target = (uint64_t)word(h + 16, 1) << 16 | be16(t + 2);
    return 1;
}

/* ethernet(buffer, offset, captured, wire, columns, source, target, rest) -> (segments, others)

   The arrays are of 64 bits; columns is a matrix of COLUMNS rows.  The rows of all other packets go to rest. */
static PyObject *ethernet(PyObject *self, PyObject *args)
{
    Py_buffer view[8];
    if (!PyArg_ParseTuple(args, "y*y*y*y*w*w*w*w*", &view[0], &view[1], &view[2], &view[3], &view[4], &view[5], &view[6],
                          &view[7]))
        return NULL;
    const uint8_t *bytes = view[0].buf;
    const int64_t *offset = view[1].buf, *captured = view[2].buf, *wire = view[3].buf;
    int64_t *columns = view[4].buf, *rest = view[7].buf;
    uint64_t *source = view[5].buf, *target = view[6].buf;
    Py_ssize_t packets = view[1].len / 8, found = 0, others = 0;
    int fits = view[2].len / 8 >= packets && view[3].len / 8 >= packets && view[4].len / 8 >= COLUMNS * packets &&
               view[5].len / 8 >= packets && view[6].len / 8 >= packets && view[7].len / 8 >= packets;
    for (Py_ssize_t i = 0; fits && i < packets; i++) {
        if (i + SOON < packets && offset[i + SOON] >= 0 && offset[i + SOON] < view[0].len)
            PREFETCH(bytes + offset[i + SOON]);
        int inside = offset[i] >= 0 && captured[i] >= 0 && captured[i] <= view[0].len && offset[i] <= view[0].len - captured[i];
        if (inside && packet(bytes + offset[i], offset[i], captured[i], wire[i], columns + found, packets, source + found,
                             target + found))
            columns[found++] = i;
        else
            rest[others++] = i;
    }
    for (int i = 0; i < 8; i++)
        PyBuffer_Release(&view[i]);
    if (!fits) {
        PyErr_SetString(PyExc_ValueError, "an array is too short");
        return NULL;
    }
    return Py_BuildValue("nn", found, others);
}

/* gather(buffer, starts, lengths) -> bytes: pieces of the buffer, one behind the other. */
static PyObject *gather(PyObject *self, PyObject *args)
{
    Py_buffer view[3];
    if (!PyArg_ParseTuple(args, "y*y*y*", &view[0], &view[1], &view[2]))
        return NULL;
    const uint8_t *bytes = view[0].buf;
    const int64_t *starts = view[1].buf, *lengths = view[2].buf;
    Py_ssize_t pieces = view[1].len / 8, total = 0;
    int inside = view[2].len / 8 >= pieces;
    for (Py_ssize_t i = 0; inside && i < pieces; i++) {
        inside = lengths[i] >= 0 && starts[i] >= 0 && lengths[i] <= view[0].len && starts[i] <= view[0].len - lengths[i] &&
                 total <= PY_SSIZE_T_MAX - lengths[i];
        total += inside ? lengths[i] : 0;
    }
    PyObject *joined = inside ? PyBytes_FromStringAndSize(NULL, total) : NULL;
    if (!inside)
        PyErr_SetString(PyExc_ValueError, "a piece outside of the buffer");
    if (joined) {
        char *to = PyBytes_AS_STRING(joined);
        for (Py_ssize_t i = 0; i < pieces; i++) {
            memcpy(to, bytes + starts[i], (size_t)lengths[i]);
            to += lengths[i];
        }
    }
    for (int i = 0; i < 3; i++)
        PyBuffer_Release(&view[i]);
    return joined;
}

/* frames(data, begins, stops, out, reached) -> count

   The WebSocket frames that follow one another between each begin and stop; out is a matrix of 6 rows: place, first byte,
   masking key (-1: none), length of the header, of the payload, index of begin and stop.  What is not whole ends a walk. */
static PyObject *frames(PyObject *self, PyObject *args)
{
    Py_buffer view[5];
    if (!PyArg_ParseTuple(args, "y*y*y*w*w*", &view[0], &view[1], &view[2], &view[3], &view[4]))
        return NULL;
    const uint8_t *bytes = view[0].buf;
    const int64_t *begins = view[1].buf, *stops = view[2].buf;
    int64_t *out = view[3].buf, *reached = view[4].buf;
    Py_ssize_t flows = view[1].len / 8, room = view[3].len / 48, count = 0;
    int fits = view[2].len / 8 >= flows && view[4].len / 8 >= flows;
    for (Py_ssize_t i = 0; fits && i < flows; i++) {
        int64_t at = begins[i], stop = stops[i] < view[0].len ? stops[i] : view[0].len;
        while (at >= 0 && stop - at >= 2 && count < room) {
            const uint8_t *p = bytes + at;
            uint64_t length = p[1] & 127;
            int64_t size = length == 126 ? 4 : length == 127 ? 10 : 2, mask = -1;
            int masked = p[1] >> 7;
            if (stop - at < size + 4 * masked)
                break;
            if (size == 4)
                length = be16(p + 2);
            else if (size == 10)
                length = (uint64_t)word(p + 2, 1) << 32 | word(p + 6, 1);
            if (masked) {
                mask = word(p + size, 1);
                size += 4;
            }
            if (length > (uint64_t)(stop - at - size))
                break;
            out[count] = at;
            out[room + count] = p[0];
            out[2 * room + count] = mask;
            out[3 * room + count] = size;
            out[4 * room + count] = (int64_t)length;
            out[5 * room + count] = i;
            count++;
            at += size + (int64_t)length;
        }
        reached[i] = at;
    }
    for (int i = 0; i < 5; i++)
        PyBuffer_Release(&view[i]);
    if (!fits) {
        PyErr_SetString(PyExc_ValueError, "an array is too short");
        return NULL;
    }
    return PyLong_FromSsize_t(count);
}

static PyMethodDef methods[] = {
    {"walk", walk, METH_VARARGS, "Find the records of a capture."},
    {"room", room, METH_O, "A bytearray that nobody has written to."},
    {"pcap", pcap, METH_VARARGS, "Read the record headers of a pcap file."},
    {"ethernet", ethernet, METH_VARARGS, "Read the headers of ordinary packets."},
    {"gather", gather, METH_VARARGS, "Put pieces of a buffer one behind the other."},
    {"lines", lines, METH_VARARGS, "Write frames as lines of JSON."},
    {"moment", (PyCFunction)(void (*)(void))moment, METH_FASTCALL, "Write a time as keys of JSON."},
    {"seconds", seconds, METH_O, "Write a duration in seconds."},
    {"frames", frames, METH_VARARGS, "Find the frames of WebSockets."},
    {"follow", follow, METH_VARARGS, "Give the segments of a Batch to the Blocks of their connections."},
    {"messages", messages, METH_VARARGS, "Write messages of one frame each as lines of JSON."},
    {"unmasked", unmasked, METH_VARARGS, "Take the masks off the payload of frames, and see which is text."},
    {"opened", opened, METH_VARARGS, "Open the records of TLS that follow one another."},
    {"opened_all", opened_all, METH_VARARGS, "Open the records of many sides at once."},
    {"convey", convey, METH_VARARGS, "Tell a Stream where bytes of another came from."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "netviz._native", "Loops of netviz in C.", -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__native(void)
{
    PyObject *made = PyModule_Create(&module);
    if (made && PyModule_AddType(made, &BlockType) < 0)
        Py_CLEAR(made);
    return made;
}
