/* Records of TLS that follow one another: open them, and tell where what is inside came from.

   The cipher is that of netviz.layers.tls.protection, which is called for each record; netviz.layers.tls.run and
   netviz.stream do the same without this file. */

#include "native.h"

#include <string.h>

enum { HEAD = 5, APPLICATION = 23, NONCE = 12, EXPLICIT = 8, MOST_AROUND = 13, SHORT = 1024 };

/* Bytes that grow. */
typedef struct {
    int64_t *at;
    Py_ssize_t count, room;
} Numbers;

static int add(Numbers *numbers, int64_t first, int64_t second, int64_t third)
{
    if (numbers->count + 3 > numbers->room) {
        Py_ssize_t room = 2 * numbers->room + 96;
        int64_t *larger = PyMem_Realloc(numbers->at, (size_t)room * sizeof(int64_t));
        if (!larger) {
            PyErr_NoMemory();
            return -1;
        }
        numbers->at = larger;
        numbers->room = room;
    }
    int64_t *to = numbers->at + numbers->count;
    to[0] = first, to[1] = second, to[2] = third;
    numbers->count += 3;
    return 0;
}

static void put64(uint8_t *to, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        to[i] = (uint8_t)(value >> (56 - 8 * i));
}

/* What is inside a fragment, which the cipher sees only while it is called; NULL where it is not authentic (then without an error) or there is no memory. */
static PyObject *open_one(PyObject *decrypt, PyObject *refused, const uint8_t *p, Py_ssize_t size, uint64_t seq,
                          const uint8_t *iv, Py_ssize_t before, Py_ssize_t tag, int modern)
{
    uint8_t nonce[NONCE], around[MOST_AROUND], number[8];
    Py_ssize_t inside = size - before - tag, width = modern ? 5 : MOST_AROUND;
    if (inside < 0)
        return NULL;
    memcpy(nonce, iv, NONCE);
    put64(number, seq);
    if (before)
        memcpy(nonce + NONCE - EXPLICIT, p, EXPLICIT);
    else
        for (int i = 0; i < 8; i++)
            nonce[NONCE - 8 + i] ^= number[i];
    /* RFC 8446 section 5.2: the header; RFC 5246 section 6.2.3.3: the number, and a header with the length inside. */
    Py_ssize_t said = modern ? size : inside;
    uint8_t *to = around;
    if (!modern) {
        memcpy(to, number, 8);
        to += 8;
    }
    to[0] = APPLICATION, to[1] = 3, to[2] = 3, to[3] = (uint8_t)(said >> 8), to[4] = (uint8_t)said;
    PyObject *given[3] = {
        PyBytes_FromStringAndSize((const char *)nonce, NONCE),
        /* To copy a short one is less than to make a view. */
        size < SHORT ? PyBytes_FromStringAndSize((const char *)p + before, size - before)
                     : PyMemoryView_FromMemory((char *)p + before, size - before, PyBUF_READ),
        PyBytes_FromStringAndSize((const char *)around, width),
    };
    PyObject *made = NULL;
    if (given[0] && given[1] && given[2]) {
        made = PyObject_Vectorcall(decrypt, given, 3, NULL);
        if (!made && PyErr_ExceptionMatches(refused))
            PyErr_Clear();
        else if (made && !PyBytes_Check(made)) {
            PyErr_SetString(PyExc_TypeError, "what is decrypted must be bytes");
            Py_CLEAR(made);
        }
    }
    for (int i = 0; i < 3; i++)
        Py_XDECREF(given[i]);
    return made;
}

/* Where the records that follow one another end. */
static Py_ssize_t reach(const uint8_t *bytes, Py_ssize_t available, Py_ssize_t largest)
{
    Py_ssize_t at = 0;
    while (available - at >= HEAD && bytes[at] == APPLICATION && bytes[at + 1] == 3) {
        Py_ssize_t size = be16(bytes + at + 3);
        if (size > largest || size > available - at - HEAD)
            break;
        at += HEAD + size;
    }
    return at;
}

/* opened(decrypt, refused, data, available, seq, iv, before, tag, modern, largest, whole) -> (content, pieces, end, count)

   What is inside the records of an application at the beginning of the data, up to one that is not whole, not authentic, or
   something else inside, and with whole only where they end with it; pieces are three numbers for each that is not empty: where its content begins and ends, and where
   the record ends. */
PyObject *opened(PyObject *self, PyObject *args)
{
    PyObject *decrypt, *refused, *content = NULL, *pieces = NULL, *answer = NULL;
    Py_buffer data, iv;
    Py_ssize_t available, before, tag, largest, at = 0, filled = 0, count = 0;
    unsigned long long seq;
    int modern, whole;
    if (!PyArg_ParseTuple(args, "OOy*nKy*nnpnp", &decrypt, &refused, &data, &available, &seq, &iv, &before, &tag, &modern,
                          &largest, &whole))
        return NULL;
    Numbers numbers = {NULL, 0, 0};
    const uint8_t *bytes = data.buf;
    if (available > data.len)
        available = data.len;
    if (iv.len != NONCE || (before && before != EXPLICIT) || tag < 0 || available < 0) {
        PyErr_SetString(PyExc_ValueError, "no such protection");
        goto done;
    }
    Py_ssize_t stop = reach(bytes, available, largest);
    if (whole && stop < available)
        stop = 0;
    if (!(content = PyBytes_FromStringAndSize(NULL, stop)))
        goto done;
    while (at < stop) {
        Py_ssize_t size = be16(bytes + at + 3);
        PyObject *inside = open_one(decrypt, refused, bytes + at + HEAD, size, seq, iv.buf, before, tag, modern);
        if (!inside) {
            if (PyErr_Occurred())
                goto done;
            break;
        }
        const char *plain = PyBytes_AS_STRING(inside);
        Py_ssize_t length = PyBytes_GET_SIZE(inside);
        int kind = APPLICATION;
        if (modern) { /* RFC 8446 section 5.4: zeros behind the type */
            while (length && !plain[length - 1])
                length--;
            kind = length ? (uint8_t)plain[--length] : 0;
        }
        int fits = kind == APPLICATION && length <= stop - filled, failed = 0;
        if (fits && length) {
            Py_ssize_t start = at + HEAD + before;
            memcpy(PyBytes_AS_STRING(content) + filled, plain, (size_t)length);
            filled += length;
            failed = add(&numbers, start, start + length, at + HEAD + size);
        }
        Py_DECREF(inside);
        if (failed)
            goto done;
        if (!fits)
            break;
        at += HEAD + size;
        seq++;
        count++;
    }
    pieces = PyBytes_FromStringAndSize((const char *)numbers.at, numbers.count * (Py_ssize_t)sizeof(int64_t));
    if (pieces && !_PyBytes_Resize(&content, filled))
        answer = Py_BuildValue("OOnn", content, pieces, at, count);
done:
    PyMem_Free(numbers.at);
    Py_XDECREF(content);
    Py_XDECREF(pieces);
    PyBuffer_Release(&data);
    PyBuffer_Release(&iv);
    return answer;
}

enum { OFFSETS, ENDS, CARRIERS, PLACES, READY, TIMES, LISTS };

/* The entries for pieces, counted, and written where there is room; -1 where they are not in the stream. */
static Py_ssize_t entries(const int64_t **from, Py_ssize_t many, const int64_t *pieces, Py_ssize_t count, int64_t start,
                          Py_ssize_t index, int64_t at, int64_t *to, Py_ssize_t room)
{
    Py_ssize_t made = 0;
    for (Py_ssize_t i = 0; i < count; i++, pieces += 3) {
        int64_t first = start + pieces[0], stop = start + pieces[1], whole = start + pieces[2];
        while (index < many && from[ENDS][index] <= first)
            index++;
        Py_ssize_t last = index;
        while (last < many && from[ENDS][last] < whole)
            last++;
        if (last >= many)
            return -1;
        for (Py_ssize_t piece = index; first < stop && piece <= last; piece++, made++) {
            int64_t end = from[ENDS][piece] < stop ? from[ENDS][piece] : stop;
            if (to) {
                int64_t *entry = to + made;
                entry[OFFSETS * room] = at;
                entry[ENDS * room] = at + end - first;
                entry[CARRIERS * room] = from[CARRIERS][piece];
                entry[PLACES * room] = from[PLACES][piece] + first - from[OFFSETS][piece];
                entry[READY * room] = from[READY][last];
                entry[TIMES * room] = from[TIMES][last];
            }
            at += end - first;
            first = end;
        }
    }
    return made;
}

/* convey(columns, pieces, start, index, at) -> columns

   Where the bytes of pieces came from, for another Stream: pieces as above, relative to start; columns are those of the
   Stream they were in, index is the entry there in which the first begins, at where the bytes are in the other. */
PyObject *convey(PyObject *self, PyObject *args)
{
    PyObject *columns, *answer = NULL;
    Py_buffer view[LISTS], pieces;
    const int64_t *from[LISTS];
    long long start, at;
    Py_ssize_t index, many = 0, made = -1;
    int got = 0;
    if (!PyArg_ParseTuple(args, "O!y*LnL", &PyTuple_Type, &columns, &pieces, &start, &index, &at))
        return NULL;
    int fits = PyTuple_GET_SIZE(columns) == LISTS && index >= 0;
    for (; fits && got < LISTS; got++) {
        if (PyObject_GetBuffer(PyTuple_GET_ITEM(columns, got), &view[got], PyBUF_SIMPLE) < 0)
            goto done;
        from[got] = view[got].buf;
        many = view[0].len / 8;
        fits = view[got].len / 8 == many;
    }
    Py_ssize_t count = pieces.len / (Py_ssize_t)(3 * sizeof(int64_t));
    if (fits)
        made = entries(from, many, pieces.buf, count, start, index, at, NULL, 0);
    if (made < 0)
        PyErr_SetString(PyExc_ValueError, "bytes that are not in the stream");
    else if ((answer = PyBytes_FromStringAndSize(NULL, made * LISTS * (Py_ssize_t)sizeof(int64_t))))
        entries(from, many, pieces.buf, count, start, index, at, (int64_t *)PyBytes_AS_STRING(answer), made);
done:
    while (got)
        PyBuffer_Release(&view[--got]);
    PyBuffer_Release(&pieces);
    return answer;
}
