/* Frames and times as JSON, as netviz.views.jsonl writes them without this file. */

#include "native.h"

#include <string.h>

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

enum { SECOND = 1000000000, DAY = 86400 };

/* seconds(ns) -> str: a duration as Python writes that many seconds; None where that takes more than a double. */
PyObject *seconds(PyObject *self, PyObject *ns)
{
    static const long long exact = 1LL << 52;
    char text[64];
    int overflow;
    long long value = PyLong_AsLongLongAndOverflow(ns, &overflow);
    if (value == -1 && PyErr_Occurred())
        return NULL;
    if (overflow || value > exact || value < -exact)
        Py_RETURN_NONE;
    char *to = seconds_of(text, value);
    return to ? PyUnicode_DecodeASCII(text, to - text, NULL) : PyErr_NoMemory();
}

/* Two digits and what follows. */
static char *part(char *to, uint64_t value, char mark)
{
    to = decimal(to, value, 2);
    *to++ = mark;
    return to;
}

/* moment(time, start) -> str: the keys of a time in ns since 1970, and of what elapsed since the start; None where a calendar
   or a double cannot say it exactly. */
PyObject *moment(PyObject *self, PyObject *const *given, Py_ssize_t count)
{
    static const long long exact = 1LL << 52;
    char text[160], *to = text;
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "a time and a start");
        return NULL;
    }
    int wide, far;
    long long time = PyLong_AsLongLongAndOverflow(given[0], &wide), start = PyLong_AsLongLongAndOverflow(given[1], &far);
    if ((time == -1 || start == -1) && PyErr_Occurred())
        return NULL;
    if (wide || far || time < 0 || start < 0 || time - start > exact || start - time > exact)
        Py_RETURN_NONE;
    /* The civil date of a day, counted from the first of March of the year 0, so that a leap day is the last of its year. */
    int64_t second = time / SECOND, days = second / DAY + 719468, era = days / 146097, of_era = days % 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t day = of_era - (365 * year + year / 4 - year / 100), month = (5 * day + 2) / 153;
    second %= DAY;
    PUT(", \"time\": \"");
    to = decimal(to, (uint64_t)(year + era * 400 + (month >= 10)), 4);
    *to++ = '-';
    to = part(to, (uint64_t)(month < 10 ? month + 3 : month - 9), '-');
    to = part(to, (uint64_t)(day - (153 * month + 2) / 5 + 1), 'T');
    to = part(to, (uint64_t)(second / 3600), ':');
    to = part(to, (uint64_t)(second / 60 % 60), ':');
    to = part(to, (uint64_t)(second % 60), '.');
    to = decimal(to, (uint64_t)(time % SECOND), 9);
    PUT("Z\", \"elapsed\": ");
    if (!(to = seconds_of(to, time - start)))
        return PyErr_NoMemory();
    return PyUnicode_DecodeASCII(text, to - text, NULL);
}

/* One of the slices of a frame that lies in several: the place of the frame in the columns, and of the slice in its packet. */
typedef struct {
    int64_t place, packet, start, end;
} Slice;

/* Add the packet of a slice to those that are known: 1 if it was not, -1 where there is no memory. */
static int meet(PyObject *known, const Slice *slice)
{
    Py_ssize_t before = PySet_GET_SIZE(known);
    PyObject *packet = PyLong_FromLongLong(slice->packet);
    int failed = !packet || PySet_Add(known, packet) < 0;
    Py_XDECREF(packet);
    return failed ? -1 : PySet_GET_SIZE(known) > before;
}

/* The packets of the slices between these, each once; NULL where there is no memory. */
static char *packets_of(char *to, const Slice *first, const Slice *end)
{
    PyObject *known = NULL; /* nearly always they ascend, and then nobody must know which there were */
    for (const Slice *slice = first; slice < end; slice++) {
        if (slice > first && slice->packet == slice[-1].packet)
            continue;
        if (slice > first && slice->packet < slice[-1].packet && !known) {
            int failed = !(known = PySet_New(NULL));
            for (const Slice *before = first; !failed && before < slice; before++)
                failed = meet(known, before) < 0;
            if (failed)
                goto failed;
        }
        int fresh = known ? meet(known, slice) : 1;
        if (fresh < 0)
            goto failed;
        if (!fresh)
            continue;
        if (slice > first)
            PUT(", ");
        to = decimal(to, (uint64_t)slice->packet, 1);
    }
    Py_XDECREF(known);
    return to;
failed:
    Py_XDECREF(known);
    return NULL;
}

/* lines(columns, from, to, start, base, seconds, heads, slices) -> bytes: frames as lines of JSON.

   columns are those of a FrameBlock; start is the time that "elapsed" counts from; seconds holds for each second from that
   of the first time on how it is written; heads for each side without a mask, then with one, and each first byte, its keys.
   Every time must lie within seconds.  slices are those of frames that have several, in their order. */
PyObject *lines(PyObject *self, PyObject *args)
{
    enum { CONNECTION, NUMBER, PACKET, START, END, TIME, SIDE, FIRST, MASK, HEAD, LENGTH, MEMBERS };
    PyObject *columns, *seconds, *heads, *made = NULL;
    Py_ssize_t from, until;
    long long start, base;
    Py_buffer slices, view[MEMBERS];
    if (!PyArg_ParseTuple(args, "O!nnLLO!O!y*", &PyTuple_Type, &columns, &from, &until, &start, &base, &PyTuple_Type, &seconds,
                          &PyTuple_Type, &heads, &slices))
        return NULL;
    const Slice *slice = slices.buf, *last = slice + slices.len / (Py_ssize_t)sizeof(Slice);
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
        made = PyBytes_FromStringAndSize(NULL, (until - from) * 640 + (last - slice) * 24);
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
        const Slice *mine = slice;
        while (slice < last && slice->place == i)
            slice++;
        if (slice == mine)
            to = decimal(to, (uint64_t)column[PACKET][i], 1);
        else if (!(to = packets_of(to, mine, slice)))
            break;
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
    PyBuffer_Release(&slices);
    return made;
}
