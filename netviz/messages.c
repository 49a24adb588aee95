/* Messages as JSON, as netviz.views.jsonl writes them without this file. */

#include "json.h"

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

static char *message_line(char *to, const Frames *frames, Py_ssize_t i, const Slice *mine, int64_t number, const uint8_t *said,
                          int64_t size)
{
    int64_t first = frames->column[FIRST][i];
    int text = (first & 15) == 1;
    uint64_t which = (uint64_t)frames->column[NUMBER][i];
    PUT("{\"event\": \"websocket.message\"");
    if (!(to = frames_shared(to, frames, i, mine)))
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
    to = decimal(to, (uint64_t)size, 1);
    PUT(", \"wire_length\": ");
    to = decimal(to, (uint64_t)frames->column[LENGTH][i], 1);
    if (first & 0x40)
        PUT(", \"compressed\": true, \"fragments\": 1, \"frames\": [");
    else
        PUT(", \"compressed\": false, \"fragments\": 1, \"frames\": [");
    to = decimal(to, which, 1);
    PUT(", ");
    to = decimal(to, which, 1);
    if (text) {
        PUT("], \"text\": ");
        to = string(to, said, (Py_ssize_t)size);
    } else {
        PUT("], \"data\": ");
        to = base64(to, said, (Py_ssize_t)size);
    }
    PUT(", \"problems\": []}\n");
    return to;
}

/* messages((columns, start, base, seconds, heads, slices), from, numbers, begins, lengths, content, framed, spoken, most) -> (bytes, next)

   Messages of one frame each as lines of JSON, up to so many bytes: with framed the line of the frame, then with spoken that
   of the message.  numbers are those of the messages, begins and lengths where in
   content what they say is. */
PyObject *messages(PyObject *self, PyObject *args)
{
    PyObject *given, *made = NULL;
    Py_buffer numbers, begins, lengths, content;
    Py_ssize_t i, most;
    int framed, spoken;
    Frames frames;
    Text text = {NULL, NULL, NULL};
    if (!PyArg_ParseTuple(args, "O!ny*y*y*y*ppn", &PyTuple_Type, &given, &i, &numbers, &begins, &lengths, &content, &framed,
                          &spoken, &most))
        return NULL;
    if (!frames_read(given, &frames)) {
        const int64_t *number = numbers.buf, *begin = begins.buf, *size = lengths.buf;
        Py_ssize_t wide = frames.count * (Py_ssize_t)sizeof(int64_t);
        if (i < 0 || i > frames.count || numbers.len != wide || begins.len != wide || lengths.len != wide)
            PyErr_SetString(PyExc_ValueError, "columns that do not fit");
        for (; !PyErr_Occurred() && i < frames.count && text.to - text.at < most; i++) {
            if (size[i] < 0 || size[i] > content.len || begin[i] < 0 || begin[i] > content.len - size[i]) {
                PyErr_SetString(PyExc_ValueError, "no such places");
                break;
            }
            const Slice *mine;
            char *to = frames_next(&frames, i, &text, 6 * (Py_ssize_t)size[i], &mine) ? NULL : text.to;
            if (to && framed)
                to = frames_line(to, &frames, i, mine);
            if (to && spoken)
                to = message_line(to, &frames, i, mine, number[i], (const uint8_t *)content.buf + begin[i],
                                  size[i]);
            if (!to)
                break;
            text.to = to;
        }
        if (!PyErr_Occurred())
            made = Py_BuildValue("y#n", text.at ? text.at : "", text.to - text.at, i);
        PyMem_Free(text.at);
        frames_release(&frames);
    }
    PyBuffer_Release(&numbers);
    PyBuffer_Release(&begins);
    PyBuffer_Release(&lengths);
    PyBuffer_Release(&content);
    return made;
}
