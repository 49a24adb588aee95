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

static const char HEX[] = "0123456789abcdef";

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

/* Text that grows. */
typedef struct {
    char *at, *to, *end;
} Text;

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

/* One of the slices of a frame that lies in several: the place of the frame in the columns, and of the slice in its packet. */
typedef struct {
    int64_t place, packet, start, end;
} Slice;

/* The packets of the slices between these, each once. */
static char *packets_of(char *to, const Slice *slice, const Slice *end)
{
    int64_t highest = -1;
    for (const Slice *first = slice; slice < end; slice++) {
        if (slice->packet <= highest) { /* nearly always they ascend */
            const Slice *before = first;
            while (before < slice && before->packet != slice->packet)
                before++;
            if (before < slice)
                continue;
        } else
            highest = slice->packet;
        if (slice > first)
            PUT(", ");
        to = decimal(to, (uint64_t)slice->packet, 1);
    }
    return to;
}

enum { CONNECTION, NUMBER, PACKET, START, END, TIME, SIDE, FIRST, MASK, LONG, LENGTH, MEMBERS };

/* What frames are written from: the columns of a FrameBlock, and how seconds and first bytes are written. */
typedef struct {
    Py_buffer view[MEMBERS], slices;
    const int64_t *column[MEMBERS];
    const Slice *slice, *last;
    PyObject *seconds, *heads;
    long long start, base;
    Py_ssize_t count;
    int got;
} Frames;

static void release(Frames *frames)
{
    while (frames->got)
        PyBuffer_Release(&frames->view[--frames->got]);
    PyBuffer_Release(&frames->slices);
}

static int read_frames(PyObject *args, Frames *frames)
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
    release(frames);
    return -1;
}

/* The keys that every event has, from its connection to its packets; NULL where that cannot be written. */
static char *shared(char *to, const Frames *frames, Py_ssize_t i, const Slice *mine)
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
    PUT("], \"number\": ");
    return to;
}

static char *frame_line(char *to, const Frames *frames, Py_ssize_t i, const Slice *mine)
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
    if (!(to = shared(to, frames, i, mine)))
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

/* The slices of the frame that comes next; there is room for a line with them then. */
static int next(Frames *frames, Py_ssize_t i, Text *text, Py_ssize_t more, const Slice **mine)
{
    *mine = frames->slice;
    while (frames->slice < frames->last && frames->slice->place == i)
        frames->slice++;
    return reserve(text, 2 * (640 + (frames->slice - *mine) * 24) + more);
}

/* lines((columns, start, base, seconds, heads, slices), from, until) -> bytes: frames as lines of JSON.

   columns are those of a FrameBlock; start is the time that "elapsed" counts from; seconds holds for each second from base
   on how it is written; heads for each side without a mask, then with one, and each first byte, its keys.  Every time must
   lie within seconds.  slices are those from the first of these frames on that has several. */
PyObject *lines(PyObject *self, PyObject *args)
{
    PyObject *given, *made = NULL;
    Py_ssize_t from, until;
    Frames frames;
    Text text = {NULL, NULL, NULL};
    if (!PyArg_ParseTuple(args, "O!nn", &PyTuple_Type, &given, &from, &until) || read_frames(given, &frames))
        return NULL;
    if (from < 0 || from > until || until > frames.count)
        PyErr_SetString(PyExc_ValueError, "columns that do not fit");
    for (Py_ssize_t i = from; !PyErr_Occurred() && i < until; i++) {
        const Slice *mine;
        char *to = next(&frames, i, &text, 0, &mine) ? NULL : frame_line(text.to, &frames, i, mine);
        if (!to)
            break;
        text.to = to;
    }
    if (!PyErr_Occurred())
        made = PyBytes_FromStringAndSize(text.at, text.to - text.at);
    PyMem_Free(text.at);
    release(&frames);
    return made;
}

/* Whether a character could do something to a terminal, or to how text is read: those of netviz.views.json_keys. */
static int unsafe(uint32_t c)
{
    return (c >= 0x7f && c <= 0x9f) || c == 0xad || c == 0x61c || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e)
        || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe0fff);
}

static char *escaped(char *to, uint32_t unit)
{
    PUT("\\u");
    for (int shift = 12; shift >= 0; shift -= 4)
        *to++ = HEX[unit >> shift & 15];
    return to;
}

/* Valid UTF-8 as a JSON string: at most six bytes for one. */
static char *string(char *to, const uint8_t *text, Py_ssize_t size)
{
    static const char letters[] = "btn\0fr";
    *to++ = '"';
    for (Py_ssize_t i = 0; i < size;) {
        uint8_t c = text[i];
        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
            *to++ = (char)c;
            i++;
        } else if (c < 0x80) {
            char letter = c == '"' || c == '\\' ? (char)c : c >= 8 && c <= 13 ? letters[c - 8] : 0;
            if (letter) {
                *to++ = '\\';
                *to++ = letter;
            } else
                to = escaped(to, c);
            i++;
        } else {
            Py_ssize_t width = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
            uint32_t point = c & (0x7fu >> width);
            for (Py_ssize_t k = 1; k < width && i + k < size; k++)
                point = point << 6 | (text[i + k] & 0x3f);
            if (i + width > size)
                break;
            if (!unsafe(point))
                to = put(to, (const char *)text + i, width);
            else if (point < 0x10000)
                to = escaped(to, point);
            else
                to = escaped(escaped(to, 0xd7c0 + (point >> 10)), 0xdc00 | (point & 0x3ff));
            i += width;
        }
    }
    *to++ = '"';
    return to;
}

static char *base64(char *to, const uint8_t *data, Py_ssize_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    *to++ = '"';
    for (Py_ssize_t i = 0; i < size; i += 3) {
        Py_ssize_t left = size - i;
        uint32_t bits = (uint32_t)data[i] << 16 | (left > 1 ? data[i + 1] << 8 : 0) | (left > 2 ? data[i + 2] : 0);
        *to++ = digits[bits >> 18];
        *to++ = digits[bits >> 12 & 63];
        *to++ = left > 1 ? digits[bits >> 6 & 63] : '=';
        *to++ = left > 2 ? digits[bits & 63] : '=';
    }
    *to++ = '"';
    return to;
}

static char *message_line(char *to, const Frames *frames, Py_ssize_t i, const Slice *mine, int64_t number, const uint8_t *said)
{
    int text = (frames->column[FIRST][i] & 15) == 1;
    uint64_t length = (uint64_t)frames->column[LENGTH][i], which = (uint64_t)frames->column[NUMBER][i];
    PUT("{\"event\": \"websocket.message\"");
    if (!(to = shared(to, frames, i, mine)))
        return NULL;
    to = decimal(to, (uint64_t)number, 1);
    if (frames->column[SIDE][i] & 1)
        PUT(", \"side\": \"server\", \"kind\": \"");
    else
        PUT(", \"side\": \"client\", \"kind\": \"");
    if (text)
        PUT("text\", \"length\": ");
    else
        PUT("binary\", \"length\": ");
    to = decimal(to, length, 1);
    PUT(", \"wire_length\": ");
    to = decimal(to, length, 1);
    PUT(", \"compressed\": false, \"fragments\": 1, \"frames\": [");
    to = decimal(to, which, 1);
    PUT(", ");
    to = decimal(to, which, 1);
    if (text) {
        PUT("], \"text\": ");
        to = string(to, said, (Py_ssize_t)length);
    } else {
        PUT("], \"data\": ");
        to = base64(to, said, (Py_ssize_t)length);
    }
    PUT(", \"problems\": []}\n");
    return to;
}

/* messages((columns, start, base, seconds, heads, slices), from, numbers, begins, content, framed, spoken, most) -> (bytes, next)

   Messages of one frame each as lines of JSON, up to so many bytes: with framed the line of the frame, then with spoken that
   of the message.  numbers are those of the messages, begins where in content what they say begins. */
PyObject *messages(PyObject *self, PyObject *args)
{
    PyObject *given, *made = NULL;
    Py_buffer numbers, begins, content;
    Py_ssize_t i, most;
    int framed, spoken;
    Frames frames;
    Text text = {NULL, NULL, NULL};
    if (!PyArg_ParseTuple(args, "O!ny*y*y*ppn", &PyTuple_Type, &given, &i, &numbers, &begins, &content, &framed, &spoken, &most))
        return NULL;
    if (!read_frames(given, &frames)) {
        const int64_t *number = numbers.buf, *begin = begins.buf;
        if (i < 0 || numbers.len != frames.count * 8 || begins.len != frames.count * 8)
            PyErr_SetString(PyExc_ValueError, "columns that do not fit");
        for (; !PyErr_Occurred() && i < frames.count && text.to - text.at < most; i++) {
            int64_t length = frames.column[LENGTH][i];
            if (length < 0 || begin[i] < 0 || begin[i] > content.len - length) {
                PyErr_SetString(PyExc_ValueError, "no such places");
                break;
            }
            const Slice *mine;
            char *to = next(&frames, i, &text, 6 * (Py_ssize_t)length, &mine) ? NULL : text.to;
            if (to && framed)
                to = frame_line(to, &frames, i, mine);
            if (to && spoken)
                to = message_line(to, &frames, i, mine, number[i], (const uint8_t *)content.buf + begin[i]);
            if (!to)
                break;
            text.to = to;
        }
        if (!PyErr_Occurred())
            made = Py_BuildValue("y#n", text.at ? text.at : "", text.to - text.at, i);
        PyMem_Free(text.at);
        release(&frames);
    }
    PyBuffer_Release(&numbers);
    PyBuffer_Release(&begins);
    PyBuffer_Release(&content);
    return made;
}
