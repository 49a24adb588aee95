/* The counting of netviz.layers.tcp.traffic, which says why; the tests hold one against the other. */

#include "native.h"

#include <stdlib.h>
#include <string.h>

enum { FURTHEST = 1 << 30, NEAR = 256 };

static const int64_t COPY_WITHIN = 100000000, BARE_COPY_WITHIN = 500000, OVERTAKEN = 3000000;

static int64_t ahead(uint32_t number, uint32_t before) { return (int32_t)(number - before); }

void sender_begin(Sender *sender)
{
    memset(sender, 0, sizeof *sender);
    sender->zero = NO_TIME;
    sender->next = sender->ack = sender->window = -1;
}

void sender_end(Sender *sender)
{
    free(sender->holes);
    free(sender->recent);
    sender->holes = NULL;
    sender->recent = NULL;
}

int64_t sender_lost(const Sender *sender)
{
    int64_t lost = sender->counts[LOST];
    for (int i = 0; i < sender->hole_count; i++)
        lost += (uint32_t)(sender->holes[i].end - sender->holes[i].start);
    return lost;
}

static void count(Sender *sender, int counter, int64_t packet)
{
    sender->counts[counter]++;
    if (!sender->firsts[counter])
        sender->firsts[counter] = packet;
}

/* Holes, of which there is room for twice HOLES: the oldest are given up, beyond so many. */
static void give_up(Sender *sender, int most)
{
    while (sender->hole_count > most) {
        sender->counts[LOST] += (uint32_t)(sender->holes[0].end - sender->holes[0].start);
        memmove(sender->holes, sender->holes + 1, sizeof(Hole) * (size_t)--sender->hole_count);
    }
}

static int skip(Sender *sender, uint32_t end, const Sent *sent, uint32_t ident)
{
    if (!sender->holes && !(sender->holes = malloc(sizeof(Hole) * 2 * (HOLES + 1))))
        return -1;
    if (!sender->firsts[LOST])
        sender->firsts[LOST] = sent->packet;
    sender->holes[sender->hole_count++] = (Hole){(uint32_t)sender->next, end, ident, sent->time};
    give_up(sender, HOLES);
    return 0;
}

static int is_copy(const Sender *sender, const Sent *sent, int64_t span)
{
    if (!(sent->mark >> 16) && !span)
        return 0;
    int64_t limit = sent->mark >> 16 || sent->flags & SYN ? COPY_WITHIN : BARE_COPY_WITHIN;
    for (int i = 0; i < sender->recent_count; i++) {
        const Sent *before = sender->recent + i;
        if (before->seq == sent->seq && before->ack == sent->ack && before->flags == sent->flags &&
            before->window == sent->window && before->length == sent->length && before->mark == sent->mark &&
            since(before->time, sent->time, 0) <= limit)
            return 1;
    }
    return 0;
}

/* A segment with bytes before the furthest one: sent again, or overtaken by others on its way. */
static int again(Sender *sender, const Sent *sent, uint32_t end, const Sender *peer, int64_t rtt)
{
    Hole filled = {0}, left[2 * (HOLES + 1)];
    int found = 0, count = 0;
    for (int i = 0; i < sender->hole_count; i++) {
        Hole hole = sender->holes[i];
        int64_t low = ahead(sent->seq, hole.start), high = ahead(end, hole.start);
        int64_t size = (uint32_t)(hole.end - hole.start);
        if (high <= 0 || low >= size) {
            left[count++] = hole;
            continue;
        }
        if (!found)
            filled = hole;
        found = 1;
        if (low > 0)
            left[count++] = (Hole){hole.start, sent->seq, hole.ident, hole.time};
        if (high < size)
            left[count++] = (Hole){end, hole.end, hole.ident, hole.time};
    }
    if (!found)
        return RETRANSMISSION;
    memcpy(sender->holes, left, sizeof(Hole) * (size_t)count);
    sender->hole_count = count;
    give_up(sender, HOLES);
    if (sent->mark >> 16 && filled.ident) {
        int later = (int16_t)(uint16_t)((sent->mark >> 16) - filled.ident);
        if (later && later <= NEAR && later >= -NEAR)
            return later < 0 ? OUT_OF_ORDER : RETRANSMISSION;
    }
    if (peer->duplicates >= 2 && peer->ack == (int64_t)sent->seq)
        return RETRANSMISSION;
    return since(filled.time, sent->time, FURTHEST) < (rtt > OVERTAKEN ? rtt : OVERTAKEN) ? OUT_OF_ORDER : RETRANSMISSION;
}

/* Whether the byte before the next one is still to come: not captured, or not acknowledged though the window is open. */
static int open_end(const Sender *sender, const Sender *peer)
{
    if (sender->hole_count && sender->holes[sender->hole_count - 1].end == (uint32_t)sender->next)
        return 1;
    return peer->window && peer->ack >= 0 && ahead((uint32_t)peer->ack, (uint32_t)sender->next) < 0;
}

static int judge(Sender *sender, const Sent *sent, const Sender *peer, int64_t rtt)
{
    if (sent->flags & RST)
        return NOTHING;
    int64_t span = sent->length + (sent->flags >> 1 & 1) + (sent->flags & FIN);
    uint32_t end = sent->seq + (uint32_t)span;
    if (sender->next < 0) {
        int alive = sent->length <= 1 && !(sent->flags & (SYN | FIN)) && peer->ack == (int64_t)(uint32_t)(sent->seq + 1);
        sender->next = alive ? peer->ack : end;
        sender->bare = !span && !alive;
        return !alive ? NOTHING : peer->window ? KEEP_ALIVE : PROBE;
    }
    int64_t off = ahead(sent->seq, (uint32_t)sender->next);
    if ((span ? off < 0 : (int64_t)sent->ack == sender->ack) && is_copy(sender, sent, span))
        return COPY;
    if (off > FURTHEST || off < -FURTHEST || (sent->flags & SYN && off > 0)) {
        give_up(sender, 0);
        sender->next = end;
        return NOTHING;
    }
    int bare = sender->bare;
    sender->bare = bare && !span && !off;
    if (off > 0) {
        bare = bare && off == 1;
        if (!bare && skip(sender, sent->seq, sent, sent->mark >> 16) < 0)
            return -1;
        sender->next = end;
        return bare ? NOTHING : GAP;
    }
    if (sent->length <= 1 && !(sent->flags & (SYN | FIN)) && off == -1 && !(sent->length && open_end(sender, peer)))
        return peer->window ? KEEP_ALIVE : PROBE;
    if (!span) {
        int unchanged = sent->window > 0 && sent->window == sender->window && (int64_t)sent->ack == sender->ack &&
                        sent->flags & ACKNOWLEDGES && !off;
        return unchanged && !peer->alive ? DUPLICATE_ACK : NOTHING;
    }
    int what = off < 0 ? again(sender, sent, end, peer, rtt) : NOTHING;
    if (off == 0 || ahead(end, (uint32_t)sender->next) > 0)
        sender->next = end;
    return what;
}

static void stall(Sender *sender, const Sent *sent)
{
    if (sent->time == NO_TIME || sent->window < 0)
        return;
    int64_t passed = since(sender->zero, sent->time, 0);
    if (passed > 0)
        sender->stalled = passed > INT64_MAX - sender->stalled ? INT64_MAX : sender->stalled + passed;
    sender->zero = sent->window || sent->flags & SYN ? NO_TIME : sent->time;
}

int sender_send(Sender *sender, const Sent *sent, Sender *peer, int64_t rtt)
{
    static const int counters[] = {-1, RETRANSMISSIONS, OUTS_OF_ORDER, DUPLICATE_ACKS, -1, KEEP_ALIVES, -1, -1, -1};
    int what = judge(sender, sent, peer, rtt);
    if (what < 0)
        return -1;
    sender->counts[PACKETS]++;
    if (what == COPY) {
        count(sender, COPIES, sent->packet);
        return what;
    }
    sender->counts[BYTES] += sent->length;
    if (sent->flags & RST)
        return what;
    if (!sent->window && !(sent->flags & SYN)) {
        count(sender, ZERO_WINDOWS, sent->packet);
        what = what ? what : ZERO_WINDOW;
    }
    stall(sender, sent);
    sender->alive = what == KEEP_ALIVE || what == PROBE;
    if (counters[what] >= 0)
        count(sender, counters[what], sent->packet);
    if (sent->flags & ACKNOWLEDGES) {
        int64_t beyond = peer->next < 0 ? 0 : ahead(sent->ack, (uint32_t)peer->next);
        if (beyond > 0 && beyond <= FURTHEST) {
            if ((beyond > 1 || !peer->bare) && skip(peer, sent->ack, sent, 0) < 0)
                return -1;
            peer->next = sent->ack;
            peer->bare = 0;
        }
        if ((int64_t)sent->ack != sender->ack)
            sender->duplicates = 0;
        else if (what == DUPLICATE_ACK)
            sender->duplicates++;
        sender->ack = sent->ack;
    }
    if (sent->window >= 0)
        sender->window = sent->window;
    if (!sender->recent && !(sender->recent = malloc(sizeof(Sent) * RECENT)))
        return -1;
    sender->recent[sender->recent_at] = *sent;
    sender->recent_at = (sender->recent_at + 1) % RECENT;
    sender->recent_count += sender->recent_count < RECENT;
    return what;
}
