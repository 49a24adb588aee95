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

/* How one side protects records: an AeadCipher of netviz.layers.tls.protection. */
typedef struct {
    PyObject *decrypt, *refused;
    const uint8_t *iv;
    Py_ssize_t before, tag;
    int modern;
} Cipher;

/* Borrows from the tuple. */
static int read_cipher(PyObject *tuple, Cipher *cipher)
{
    const char *iv;
    Py_ssize_t size;
    if (!PyTuple_Check(tuple)) {
        PyErr_SetString(PyExc_TypeError, "a cipher must be a tuple");
        return -1;
    }
    if (!PyArg_ParseTuple(tuple, "OOy#nnp", &cipher->decrypt, &cipher->refused, &iv, &size, &cipher->before, &cipher->tag,
                          &cipher->modern))
        return -1;
    if (size != NONCE || (cipher->before && cipher->before != EXPLICIT) || cipher->tag < 0) {
        PyErr_SetString(PyExc_ValueError, "no such protection");
        return -1;
    }
    cipher->iv = (const uint8_t *)iv;
    return 0;
}

/* What is inside a fragment, which the cipher sees only while it is called; NULL where it is not authentic (then without an
   error) or there is no memory. */
static PyObject *open_one(const Cipher *cipher, const uint8_t *p, Py_ssize_t size, uint64_t seq)
{
    uint8_t nonce[NONCE], around[MOST_AROUND], number[8];
    Py_ssize_t before = cipher->before, inside = size - before - cipher->tag, width = cipher->modern ? 5 : MOST_AROUND;
    if (inside < 0)
        return NULL;
    memcpy(nonce, cipher->iv, NONCE);
    put64(number, seq);
    if (before)
        memcpy(nonce + NONCE - EXPLICIT, p, EXPLICIT);
    else
        for (int i = 0; i < 8; i++)
            nonce[NONCE - 8 + i] ^= number[i];
    /* RFC 8446 section 5.2: the header; RFC 5246 section 6.2.3.3: the number, and a header with the length inside. */
    Py_ssize_t said = cipher->modern ? size : inside;
    uint8_t *to = around;
    if (!cipher->modern) {
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
        made = PyObject_Vectorcall(cipher->decrypt, given, 3, NULL);
        if (!made && PyErr_ExceptionMatches(cipher->refused))
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

/* What was opened so far. */
typedef struct {
    char *to;
    Py_ssize_t filled, room;
    Numbers pieces;
} Opened;

/* Open the records between from and stop, which follow one another, up to one that is not authentic or something else inside;
   where they end, -1 with an error. */
static Py_ssize_t run(const uint8_t *bytes, Py_ssize_t from, Py_ssize_t stop, const Cipher *cipher, uint64_t seq,
                      Opened *opened, Py_ssize_t *count)
{
    Py_ssize_t at = from;
    *count = 0;
    while (at < stop) {
        Py_ssize_t size = be16(bytes + at + 3);
        PyObject *inside = open_one(cipher, bytes + at + HEAD, size, seq + (uint64_t)*count);
        if (!inside)
            return PyErr_Occurred() ? -1 : at;
        const char *plain = PyBytes_AS_STRING(inside);
        Py_ssize_t length = PyBytes_GET_SIZE(inside);
        int kind = APPLICATION;
        if (cipher->modern) { /* RFC 8446 section 5.4: zeros behind the type */
            while (length && !plain[length - 1])
                length--;
            kind = length ? (uint8_t)plain[--length] : 0;
        }
        int fits = kind == APPLICATION && length <= opened->room - opened->filled, failed = 0;
        if (fits && length) {
            Py_ssize_t start = at + HEAD + cipher->before;
            memcpy(opened->to + opened->filled, plain, (size_t)length);
            opened->filled += length;
            failed = add(&opened->pieces, start, start + length, at + HEAD + size);
        }
        Py_DECREF(inside);
        if (failed)
            return -1;
        if (!fits)
            break;
        at += HEAD + size;
        ++*count;
    }
    return at;
}

/* The content, which is cut to what was filled, and the pieces, both as bytes; what was there is given up. */
static PyObject *answer(PyObject *content, Opened *opened)
{
    Py_ssize_t size = opened->pieces.count * (Py_ssize_t)sizeof(int64_t);
    PyObject *pieces = PyBytes_FromStringAndSize((const char *)opened->pieces.at, size), *both = NULL;
    if (pieces && !_PyBytes_Resize(&content, opened->filled))
        both = PyTuple_Pack(2, content, pieces);
    Py_XDECREF(pieces);
    Py_XDECREF(content);
    return both;
}

/* opened(cipher, seq, data, available, largest) -> ((content, pieces), end, count)

   What is inside the records of an application at the beginning of the data, up to one that is not whole, not authentic, or
   something else inside; pieces are three numbers for each that is not empty: where its content begins and ends, and where the
   record ends. */
PyObject *opened(PyObject *self, PyObject *args)
{
    PyObject *tuple, *content, *both = NULL;
    Py_buffer data;
    Py_ssize_t available, largest, count;
    unsigned long long seq;
    Cipher cipher;
    if (!PyArg_ParseTuple(args, "OKy*nn", &tuple, &seq, &data, &available, &largest))
        return NULL;
    if (available > data.len)
        available = data.len;
    Py_ssize_t end = -1, stop = reach(data.buf, available, largest);
    Opened found = {NULL, 0, stop, {NULL, 0, 0}};
    if (available < 0)
        PyErr_SetString(PyExc_ValueError, "less than nothing");
    else if (!read_cipher(tuple, &cipher) && (content = PyBytes_FromStringAndSize(NULL, stop))) {
        found.to = PyBytes_AS_STRING(content);
        end = run(data.buf, 0, stop, &cipher, seq, &found, &count);
        if (end < 0)
            Py_DECREF(content);
        else
            both = answer(content, &found);
    }
    PyMem_Free(found.pieces.at);
    PyBuffer_Release(&data);
    return both ? Py_BuildValue("Nnn", both, end, count) : NULL;
}

/* opened_all(ciphers, seqs, data, begins, ends, stops, counts, largest) -> (content, pieces)

   The same for many sides, each between its begin and end in the data, and only where the records end with it: stops and
   counts are filled with where the content of each ends, and how many records it has; -1 where it must be read otherwise.
   Pieces are places in the data. */
PyObject *opened_all(PyObject *self, PyObject *args)
{
    enum { DATA, SEQS, BEGINS, ENDS, STOPS, COUNTS, ALL };
    PyObject *ciphers, *content = NULL, *both = NULL;
    Py_buffer view[ALL];
    Py_ssize_t largest;
    if (!PyArg_ParseTuple(args, "O!y*y*y*y*w*w*n", &PyTuple_Type, &ciphers, &view[SEQS], &view[DATA], &view[BEGINS],
                          &view[ENDS], &view[STOPS], &view[COUNTS], &largest))
        return NULL;
    const int64_t *seqs = view[SEQS].buf, *begins = view[BEGINS].buf, *ends = view[ENDS].buf;
    int64_t *stops = view[STOPS].buf, *counts = view[COUNTS].buf;
    Py_ssize_t many = PyTuple_GET_SIZE(ciphers), room = 0;
    Opened found = {NULL, 0, 0, {NULL, 0, 0}};
    int fits = 1, failed = 0;
    for (int i = SEQS; i < ALL; i++)
        fits &= view[i].len == many * (Py_ssize_t)sizeof(int64_t);
    for (Py_ssize_t i = 0; fits && i < many; i++) {
        fits = begins[i] >= 0 && begins[i] <= ends[i] && ends[i] <= view[DATA].len;
        room += ends[i] - begins[i];
    }
    if (!fits)
        PyErr_SetString(PyExc_ValueError, "no such places");
    else if ((content = PyBytes_FromStringAndSize(NULL, room))) {
        found.to = PyBytes_AS_STRING(content);
        for (Py_ssize_t i = 0; i < many && !failed; i++) {
            Py_ssize_t before = found.filled, pieces = found.pieces.count, size = ends[i] - begins[i], count = 0, at = -1;
            Cipher cipher;
            PyObject *tuple = PyTuple_GET_ITEM(ciphers, i);
            failed = read_cipher(tuple, &cipher);
            if (!failed && reach((const uint8_t *)view[DATA].buf + begins[i], size, largest) == size) {
                found.room = before + size;
                at = run(view[DATA].buf, begins[i], ends[i], &cipher, (uint64_t)seqs[i], &found, &count);
                failed = at < 0;
            }
            if (at != ends[i]) {
                found.filled = before;
                found.pieces.count = pieces;
                count = -1;
            }
            stops[i] = found.filled;
            counts[i] = count;
        }
        if (failed)
            Py_DECREF(content);
        else
            both = answer(content, &found);
    }
    PyMem_Free(found.pieces.at);
    for (int i = 0; i < ALL; i++)
        PyBuffer_Release(&view[i]);
    return both;
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
