/* Frames and times as JSON, as netviz.views.jsonl writes them without this file. */

#include "json.h"

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

static int reserve(Text *text, Py_ssize_t more)
{
    if (text->end - text->to >= more)
        return 0;
    Py_ssize_t used = text->to - text->at, room = 2 * used + more;
    char *larger = PyMem_Realloc(text->at, (size_t)room);
    if (!larger) {
        PyErr_NoMemory();
        return -1;
    }
    *text = (Text){larger, larger + used, larger + room};
    return 0;
}

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

void frames_release(Frames *frames)
{
    while (frames->got)
        PyBuffer_Release(&frames->view[--frames->got]);
    PyBuffer_Release(&frames->slices);
}

int frames_read(PyObject *args, Frames *frames)
{
    PyObject *columns;
    frames->got = 0;
    if (!PyArg_ParseTuple(args, "O!LLO!O!y*", &PyTuple_Type, &columns, &frames->start, &frames->base, &PyTuple_Type,
                          &frames->seconds, &PyTuple_Type, &frames->heads, &frames->slices))
        return -1;
    int fits = PyTuple_GET_SIZE(columns) == MEMBERS && PyTuple_GET_SIZE(frames->heads) == 1024;
    for (; fits && frames->got < MEMBERS; frames->got++) {
        if (PyObject_GetBuffer(PyTuple_GET_ITEM(columns, frames->got), &frames->view[frames->got], PyBUF_SIMPLE) < 0)
            break;
        frames->column[frames->got] = frames->view[frames->got].buf;
        frames->count = frames->view[0].len / 8;
        fits = frames->view[frames->got].len / 8 == frames->count;
    }
    if (!fits && !PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "columns that do not fit");
    frames->slice = frames->slices.buf;
    frames->last = frames->slice + frames->slices.len / (Py_ssize_t)sizeof(Slice);
    if (!PyErr_Occurred())
        return 0;
    frames_release(frames);
    return -1;
}

char *frames_shared(char *to, const Frames *frames, Py_ssize_t i, const Slice *mine)
{
    int64_t time = frames->column[TIME][i], second = (time - frames->base) / SECOND;
    int given = time >= frames->base && second < PyTuple_GET_SIZE(frames->seconds);
    PyObject *when = given ? PyTuple_GET_ITEM(frames->seconds, second) : NULL;
    if (!when || !PyBytes_Check(when) || PyBytes_GET_SIZE(when) > 32) {
        PyErr_SetString(PyExc_ValueError, "a time that is not given");
        return NULL;
    }
    PUT(", \"connection\": ");
    to = decimal(to, (uint64_t)frames->column[CONNECTION][i], 1);
    PUT(", \"time\": \"");
    to = put(to, PyBytes_AS_STRING(when), PyBytes_GET_SIZE(when));
    *to++ = '.';
    to = decimal(to, (uint64_t)((time - frames->base) % SECOND), 9);
    PUT("Z\", \"elapsed\": ");
    if (!(to = seconds_of(to, time - frames->start))) {
        PyErr_NoMemory();
        return NULL;
    }
    PUT(", \"packets\": [");
    if (frames->slice > mine)
        to = packets_of(to, mine, frames->slice);
    else
        to = decimal(to, (uint64_t)frames->column[PACKET][i], 1);
    if (!to)
        return NULL;
    PUT("], \"number\": ");
    return to;
}

char *frames_line(char *to, const Frames *frames, Py_ssize_t i, const Slice *mine)
{
    int64_t mask = frames->column[MASK][i];
    int masked = mask >= 0;
    Py_ssize_t key = (masked * 2 + (frames->column[SIDE][i] & 1)) * 256 + (frames->column[FIRST][i] & 255);
    PyObject *head = PyTuple_GET_ITEM(frames->heads, key);
    if (!PyBytes_Check(head) || PyBytes_GET_SIZE(head) > 256) {
        PyErr_SetString(PyExc_ValueError, "a kind of frame that is not given");
        return NULL;
    }
    PUT("{\"event\": \"websocket.frame\"");
    if (!(to = frames_shared(to, frames, i, mine)))
        return NULL;
    to = decimal(to, (uint64_t)frames->column[NUMBER][i], 1);
    PUT(", ");
    to = put(to, PyBytes_AS_STRING(head), PyBytes_GET_SIZE(head));
    if (masked) {
        for (int shift = 28; shift >= 0; shift -= 4)
            *to++ = HEX[mask >> shift & 15];
        *to++ = '"';
    }
    PUT(", \"length\": ");
    to = decimal(to, (uint64_t)frames->column[LENGTH][i], 1);
    PUT(", \"problems\": []}\n");
    return to;
}

int frames_next(Frames *frames, Py_ssize_t i, Text *text, Py_ssize_t more, const Slice **mine)
{
    *mine = frames->slice;
    while (frames->slice < frames->last && frames->slice->place == i)
        frames->slice++;
    return reserve(text, 2 * (640 + (frames->slice - *mine) * 24) + more);
}

/* lines((columns, start, base, seconds, heads, slices), from, until) -> bytes: frames as lines of JSON. */
PyObject *lines(PyObject *self, PyObject *args)
{
    PyObject *given, *made = NULL;
    Py_ssize_t from, until;
    Frames frames;
    Text text = {NULL, NULL, NULL};
    if (!PyArg_ParseTuple(args, "O!nn", &PyTuple_Type, &given, &from, &until) || frames_read(given, &frames))
        return NULL;
    if (from < 0 || from > until || until > frames.count)
        PyErr_SetString(PyExc_ValueError, "columns that do not fit");
    for (Py_ssize_t i = from; !PyErr_Occurred() && i < until; i++) {
        const Slice *mine;
        char *to = frames_next(&frames, i, &text, 0, &mine) ? NULL : frames_line(text.to, &frames, i, mine);
        if (!to)
            break;
        text.to = to;
    }
    if (!PyErr_Occurred())
        made = PyBytes_FromStringAndSize(text.at, text.to - text.at);
    PyMem_Free(text.at);
    frames_release(&frames);
    return made;
}
