/* What writing JSON in C is made of: json.c has times and frames, messages.c what they say. */

#ifndef NETVIZ_JSON_H
#define NETVIZ_JSON_H

#include "native.h"

#include <string.h>

#define PUT(text) to = put(to, text, sizeof text - 1)

static const char HEX[] = "0123456789abcdef";

/* Text that grows. */
typedef struct {
    char *at, *to, *end;
} Text;

/* One of the slices of a frame that lies in several: the place of the frame in the columns, and of the slice in its packet. */
typedef struct {
    int64_t place, packet, start, end;
} Slice;

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

static inline char *put(char *to, const char *text, Py_ssize_t length)
{
    memcpy(to, text, (size_t)length);
    return to + length;
}

static inline char *decimal(char *to, uint64_t value, int least)
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

/* From the tuple (columns, start, base, seconds, heads, slices): columns are those of a FrameBlock; start is the time that
   "elapsed" counts from; seconds holds for each second from base on how it is written; heads for each side without a mask, then
   with one, and each first byte, its keys.  Every time must lie within seconds.  slices are those from the first of these frames
   on that has several.  -1 with an error. */
int frames_read(PyObject *given, Frames *frames);
void frames_release(Frames *frames);

/* The slices of the frame that comes next, and room for two lines with them and for more; -1 where there is no memory. */
int frames_next(Frames *frames, Py_ssize_t i, Text *text, Py_ssize_t more, const Slice **mine);

/* The keys that every event has, from its connection to its number; NULL with an error where that cannot be written. */
char *frames_shared(char *to, const Frames *frames, Py_ssize_t i, const Slice *mine);

/* The line of a frame; NULL with an error where it cannot be written. */
char *frames_line(char *to, const Frames *frames, Py_ssize_t i, const Slice *mine);

#endif
