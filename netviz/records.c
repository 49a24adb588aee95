/* Records of TLS that follow one another: open them, and tell where what is inside came from.

   The cipher is that of netviz.layers.tls.protection, which is called for each record; netviz.layers.tls.run and
   netviz.stream do the same without this file. */

#include "native.h"

#include <string.h>

enum { HEAD = 5, APPLICATION = 23, NONCE = 12, EXPLICIT = 8, MOST_AROUND = 13 };

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

/* What is inside a fragment, NULL where it is not authentic (then without an error) or there is no memory. */
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
        PyMemoryView_FromMemory((char *)p + before, size - before, PyBUF_READ),
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

/* opened(decrypt, refused, data, available, seq, iv, before, tag, modern, largest) -> (content, pieces, end, count)

   What is inside the records of an application at the beginning of the data, up to one that is not whole, not authentic, or
   something else inside; pieces are three numbers for each that is not empty: where its content begins and ends, and where
   the record ends. */
PyObject *opened(PyObject *self, PyObject *args)
{
    PyObject *decrypt, *refused, *content = NULL, *pieces = NULL, *answer = NULL;
    Py_buffer data, iv;
    Py_ssize_t available, before, tag, largest, at = 0, filled = 0, count = 0;
    unsigned long long seq;
    int modern;
    if (!PyArg_ParseTuple(args, "OOy*nKy*nnpn", &decrypt, &refused, &data, &available, &seq, &iv, &before, &tag, &modern,
                          &largest))
        return NULL;
    Numbers numbers = {NULL, 0, 0};
    const uint8_t *bytes = data.buf;
    if (available > data.len)
        available = data.len;
    if (iv.len != NONCE || (before && before != EXPLICIT) || tag < 0 || available < 0) {
        PyErr_SetString(PyExc_ValueError, "no such protection");
        goto done;
    }
    if (!(content = PyBytes_FromStringAndSize(NULL, available)))
        goto done;
    while (at + HEAD <= available && bytes[at] == APPLICATION && bytes[at + 1] == 3) {
        Py_ssize_t size = be16(bytes + at + 3);
        if (size > largest || size > available - at - HEAD)
            break;
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
        int fits = kind == APPLICATION && length <= available - filled, failed = 0;
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

static int push(PyObject *list, int64_t value)
{
    PyObject *number = PyLong_FromLongLong(value);
    int failed = !number || PyList_Append(list, number) < 0;
    Py_XDECREF(number);
    return failed ? -1 : 0;
}

/* convey(from, to, pieces, start, index, at)

   The lists of one Stream are told where bytes came from that are in another: pieces as above, relative to start; index is
   the piece of the other in which the first begins, at where the bytes are put. */
PyObject *convey(PyObject *self, PyObject *args)
{
    PyObject *from[LISTS], *to[LISTS], *answer = NULL;
    Py_buffer pieces;
    long long start, at;
    Py_ssize_t index;
    if (!PyArg_ParseTuple(args, "(O!O!O!O!O!O!)(O!O!O!O!O!O!)y*LnL", &PyList_Type, &from[0], &PyList_Type, &from[1],
                          &PyList_Type, &from[2], &PyList_Type, &from[3], &PyList_Type, &from[4], &PyList_Type, &from[5],
                          &PyList_Type, &to[0], &PyList_Type, &to[1], &PyList_Type, &to[2], &PyList_Type, &to[3], &PyList_Type,
                          &to[4], &PyList_Type, &to[5], &pieces, &start, &index, &at))
        return NULL;
    Py_ssize_t many = PyList_GET_SIZE(from[ENDS]), count = pieces.len / (Py_ssize_t)(3 * sizeof(int64_t));
    const int64_t *numbers = pieces.buf;
    for (int i = 0; i < LISTS; i++)
        if (PyList_GET_SIZE(from[i]) != many || from[i] == to[i])
            goto wrong;
    for (Py_ssize_t i = 0; i < count; i++, numbers += 3) {
        int64_t first = start + numbers[0], stop = start + numbers[1], whole = start + numbers[2];
        while (index >= 0 && index < many && PyLong_AsLongLong(PyList_GET_ITEM(from[ENDS], index)) <= first)
            index++;
        Py_ssize_t last = index;
        while (last >= 0 && last < many && PyLong_AsLongLong(PyList_GET_ITEM(from[ENDS], last)) < whole)
            last++;
        if (last < 0 || last >= many)
            goto wrong;
        for (Py_ssize_t piece = index; first < stop && piece <= last; piece++) {
            int64_t offset = PyLong_AsLongLong(PyList_GET_ITEM(from[OFFSETS], piece));
            int64_t place = PyLong_AsLongLong(PyList_GET_ITEM(from[PLACES], piece));
            int64_t end = PyLong_AsLongLong(PyList_GET_ITEM(from[ENDS], piece));
            if (end > stop)
                end = stop;
            if (PyErr_Occurred() || push(to[OFFSETS], at) < 0 || push(to[ENDS], at += end - first) < 0
                || PyList_Append(to[CARRIERS], PyList_GET_ITEM(from[CARRIERS], piece)) < 0
                || push(to[PLACES], place + first - offset) < 0
                || PyList_Append(to[READY], PyList_GET_ITEM(from[READY], last)) < 0
                || PyList_Append(to[TIMES], PyList_GET_ITEM(from[TIMES], last)) < 0)
                goto done;
            first = end;
        }
    }
    if (!PyErr_Occurred())
        answer = Py_NewRef(Py_None);
    goto done;
wrong:
    if (!PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "bytes that are not in the stream");
done:
    PyBuffer_Release(&pieces);
    return answer;
}
