/* Loops that numpy cannot do in one pass: walk the records of a capture, read the headers of ordinary packets
   (Ethernet, VLAN tags, IPv4, TCP) into columns, put payload one behind the other, find the frames of WebSockets
   in it, and write them as JSON.

   Optional: netviz.capture.walk, netviz.table, netviz.payload, netviz.lane and netviz.views.jsonl do the same
   without it, and the tests hold one against the other.
   Nothing here trusts a length: every read is inside the buffer, whatever the bytes say. */

#include "native.h"

#include <string.h>

enum { PCAP_LITTLE, PCAP_BIG, PCAPNG_LITTLE, PCAPNG_BIG };
enum { SECTION_HEADER = 0x0A0D0D0A, MOST_TAGS = 8 };

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

static char *put(char *to, const char *text, Py_ssize_t length)
{
    memcpy(to, text, (size_t)length);
    return to + length;
}

static char *decimal(char *to, uint64_t value, int least)
{
    char digits[24];
    int count = 0;
    while (value || count < least || !count) {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    }
    while (count)
        *to++ = digits[--count];
    return to;
}

/* Nanoseconds as Python writes that many seconds.  Fifteen digits name one double only (DBL_DIG), so where there are no more
   of them the shortest text for it, which repr() looks for at length, is just these digits; NULL where there is no memory. */
static char *seconds_of(char *to, int64_t time)
{
    enum { EXPONENT = 100000, PLACES = 9 };
    static const int64_t second = 1000000000, most = 1000000000000000;
    if (time < EXPONENT || time >= most) {
        char *text = PyOS_double_to_string((double)time / 1e9, 'r', 0, Py_DTSF_ADD_DOT_0, NULL);
        if (!text)
            return NULL;
        to = put(to, text, (Py_ssize_t)strlen(text));
        PyMem_Free(text);
        return to;
    }
    to = decimal(to, (uint64_t)(time / second), 1);
    *to++ = '.';
    char *least = to + 1;
    to = decimal(to, (uint64_t)(time % second), PLACES);
    while (to > least && to[-1] == '0')
        to--;
    return to;
}

#define PUT(text) to = put(to, text, sizeof text - 1)

/* lines(columns, from, to, start, seconds, heads) -> bytes: frames as lines of JSON.

   columns are those of a FrameBlock; start is the time that "elapsed" counts from; seconds holds for each second from that
   of the first time on how it is written; heads for each side without a mask, then with one, and each first byte, its keys.
   Every time must lie within seconds. */
static PyObject *lines(PyObject *self, PyObject *args)
{
    enum { CONNECTION, NUMBER, PACKET, START, END, TIME, SIDE, FIRST, MASK, HEAD, LENGTH, MEMBERS, SECOND = 1000000000 };
    PyObject *columns, *seconds, *heads, *made = NULL;
    Py_ssize_t from, until;
    long long start, base;
    if (!PyArg_ParseTuple(args, "O!nnLLO!O!", &PyTuple_Type, &columns, &from, &until, &start, &base, &PyTuple_Type, &seconds,
                          &PyTuple_Type, &heads))
        return NULL;
    Py_buffer view[MEMBERS];
    const int64_t *column[MEMBERS];
    int got = 0, fits = PyTuple_GET_SIZE(columns) == MEMBERS && PyTuple_GET_SIZE(heads) == 1024 && from >= 0 && from <= until;
    for (; fits && got < MEMBERS; got++) {
        if (PyObject_GetBuffer(PyTuple_GET_ITEM(columns, got), &view[got], PyBUF_SIMPLE) < 0)
            break;
        column[got] = view[got].buf;
        fits = view[got].len / 8 >= until;
    }
    if (!fits && !PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "columns that do not fit");
    if (!PyErr_Occurred())
        made = PyBytes_FromStringAndSize(NULL, (until - from) * 640);
    char *to = made ? PyBytes_AS_STRING(made) : NULL;
    for (Py_ssize_t i = from; made && i < until; i++) {
        int64_t time = column[TIME][i], second = (time - base) / SECOND;
        int masked = column[MASK][i] >= 0;
        Py_ssize_t key = (masked * 2 + (column[SIDE][i] & 1)) * 256 + (column[FIRST][i] & 255);
        PyObject *when = time >= base && second < PyTuple_GET_SIZE(seconds) ? PyTuple_GET_ITEM(seconds, second) : NULL;
        PyObject *head = PyTuple_GET_ITEM(heads, key);
        if (!when || !PyBytes_Check(when) || !PyBytes_Check(head) || PyBytes_GET_SIZE(when) > 32 || PyBytes_GET_SIZE(head) > 256) {
            PyErr_SetString(PyExc_ValueError, "a time or a kind of frame that is not given");
            break;
        }
        PUT("{\"event\": \"websocket.frame\", \"connection\": ");
        to = decimal(to, (uint64_t)column[CONNECTION][i], 1);
        PUT(", \"time\": \"");
        to = put(to, PyBytes_AS_STRING(when), PyBytes_GET_SIZE(when));
        *to++ = '.';
        to = decimal(to, (uint64_t)((time - base) % SECOND), 9);
        PUT("Z\", \"elapsed\": ");
        if (!(to = seconds_of(to, time - start)))
            break;
        PUT(", \"packets\": [");
        to = decimal(to, (uint64_t)column[PACKET][i], 1);
        PUT("], \"number\": ");
        to = decimal(to, (uint64_t)column[NUMBER][i], 1);
        PUT(", ");
        to = put(to, PyBytes_AS_STRING(head), PyBytes_GET_SIZE(head));
        if (masked) {
            for (int shift = 28; shift >= 0; shift -= 4)
                *to++ = "0123456789abcdef"[column[MASK][i] >> shift & 15];
            *to++ = '"';
        }
        PUT(", \"length\": ");
        to = decimal(to, (uint64_t)column[LENGTH][i], 1);
        PUT(", \"problems\": []}\n");
    }
    if (made && PyErr_Occurred())
        Py_CLEAR(made);
    else if (made)
        _PyBytes_Resize(&made, to - PyBytes_AS_STRING(made));
    while (got)
        PyBuffer_Release(&view[--got]);
    return made;
}

static PyMethodDef methods[] = {
    {"walk", walk, METH_VARARGS, "Find the records of a capture."},
    {"room", room, METH_O, "A bytearray that nobody has written to."},
    {"pcap", pcap, METH_VARARGS, "Read the record headers of a pcap file."},
    {"ethernet", ethernet, METH_VARARGS, "Read the headers of ordinary packets."},
    {"gather", gather, METH_VARARGS, "Put pieces of a buffer one behind the other."},
    {"lines", lines, METH_VARARGS, "Write frames as lines of JSON."},
    {"frames", frames, METH_VARARGS, "Find the frames of WebSockets."},
    {"follow", follow, METH_VARARGS, "Give the segments of a Batch to the Blocks of their connections."},
    {"opened", opened, METH_VARARGS, "Open the records of TLS that follow one another."},
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
