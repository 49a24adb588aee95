/* What frames say: payload without its mask, and whether that is text.  netviz.talk does the same without this file. */

#include "native.h"

#include <string.h>

enum { WORD = 8, TEXT = 0x81 };

static const uint64_t HIGH = 0x8080808080808080ULL;

/* Copy payload and take its mask off (RFC 6455 section 5.3); whether all of it is ASCII. */
static int unmask(uint8_t *to, const uint8_t *from, Py_ssize_t size, int64_t mask)
{
    uint8_t key[WORD] = {0};
    uint64_t keys, word, all = 0;
    for (int i = 0; mask >= 0 && i < WORD; i++)
        key[i] = (uint8_t)(mask >> (24 - 8 * (i & 3)));
    memcpy(&keys, key, WORD);
    Py_ssize_t i = 0;
    for (; i + WORD <= size; i += WORD) {
        memcpy(&word, from + i, WORD);
        word ^= keys;
        all |= word;
        memcpy(to + i, &word, WORD);
    }
    uint8_t rest = 0;
    for (; i < size; i++)
        rest |= to[i] = from[i] ^ key[i & 7];
    return !(all & HIGH) && rest < 0x80;
}

/* Whether bytes are UTF-8 (RFC 3629 section 4). */
static int is_utf8(const uint8_t *p, Py_ssize_t size)
{
    for (Py_ssize_t i = 0; i < size;) {
        uint8_t c = p[i++];
        if (c < 0x80)
            continue;
        int more = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
        if (c < 0xc2 || c > 0xf4 || size - i < more)
            return 0;
        /* What follows the first byte must not make a longer form than needed, a surrogate, or more than U+10FFFF. */
        uint8_t least = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80, highest = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
        if (p[i] < least || p[i] > highest)
            return 0;
        for (int k = 1; k < more; k++)
            if ((p[i + k] & 0xc0) != 0x80)
                return 0;
        i += more;
    }
    return 1;
}

/* unmasked(data, at, length, mask, first, fine) -> content

   The payload of frames, one behind the other, without masks (-1: there is none); fine, a byte for each, is filled with
   whether it is what its first byte says: text is UTF-8, and anything else is anything. */
PyObject *unmasked(PyObject *self, PyObject *args)
{
    enum { DATA, AT, LENGTH, MASK, FIRST, FINE, ALL };
    Py_buffer view[ALL];
    PyObject *content = NULL;
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*w*", &view[DATA], &view[AT], &view[LENGTH], &view[MASK], &view[FIRST], &view[FINE]))
        return NULL;
    const int64_t *at = view[AT].buf, *length = view[LENGTH].buf, *mask = view[MASK].buf, *first = view[FIRST].buf;
    uint8_t *fine = view[FINE].buf;
    Py_ssize_t count = view[FINE].len, size = 0;
    int fits = 1;
    for (int i = AT; i < FINE; i++)
        fits &= view[i].len == count * (Py_ssize_t)sizeof(int64_t);
    for (Py_ssize_t i = 0; fits && i < count; i++) {
        fits = length[i] >= 0 && at[i] >= 0 && at[i] <= view[DATA].len && length[i] <= view[DATA].len - at[i]
            && size <= PY_SSIZE_T_MAX - length[i];
        size += fits ? (Py_ssize_t)length[i] : 0;
    }
    if (!fits)
        PyErr_SetString(PyExc_ValueError, "no such places");
    else if ((content = PyBytes_FromStringAndSize(NULL, size))) {
        uint8_t *to = (uint8_t *)PyBytes_AS_STRING(content);
        for (Py_ssize_t i = 0; i < count; to += length[i++]) {
            int ascii = unmask(to, (const uint8_t *)view[DATA].buf + at[i], (Py_ssize_t)length[i], mask[i]);
            fine[i] = ascii || first[i] != TEXT || is_utf8(to, (Py_ssize_t)length[i]);
        }
    }
    for (int i = 0; i < ALL; i++)
        PyBuffer_Release(&view[i]);
    return content;
}
