#include "batch/lanes.h"

#include <stdlib.h>

#include "base/id.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"

static int parse_lane(struct lanes *l, struct str text, struct err *err)
{
	struct str topic, weight = str_cut(text, ':', &topic);
	int64_t n = 1;
	if (topic_check(topic, "topic", err))
		return -1;
	if (weight.ptr && num_i64_str(weight, 1, LANES_WEIGHT, &n, err))
		return err_wrap(err, "weight of topic '%.*s'", (int)topic.len, topic.ptr);
	for (size_t i = 0; i < l->count; i++)
		if (str_is(topic, l->list[i].topic))
			return err_set(err, ST_USAGE, "topic '%s' is named twice",
			    l->list[i].topic);
	l->list = mem_grow(l->list, &l->cap, l->count + 1, sizeof(*l->list));
	l->list[l->count++] =
	    (struct lane){.topic = mem_strndup(topic.ptr, topic.len), .weight = n};
	return 0;
}

int lanes_parse(struct lanes *l, const char *text, struct err *err)
{
	for (struct str rest = str_of(text), one; rest.ptr;) {
		rest = str_cut(rest, ',', &one);
		if (parse_lane(l, one, err)) {
			lanes_release(l);
			return -1;
		}
	}
	l->at = l->count - 1;
	l->largest = 1;
	return 0;
}

/* The largest chunk for each point of weight: so each lane may take one in each round. */
static void move_on(struct lanes *l)
{
	l->at = (l->at + 1) % l->count;
	struct lane *lane = &l->list[l->at];
	lane->credit = lane->ready ? lane->credit + lane->weight * l->largest : 0;
}

static struct lane *choose_by_weight(struct lanes *l)
{
	for (size_t i = 0; i <= l->count; i++) {
		struct lane *lane = &l->list[l->at];
		if (lane->ready && lane->credit > 0)
			return lane;
		move_on(l);
	}
	return NULL;
}

static struct lane *choose_strictly(struct lanes *l)
{
	struct lane *first = NULL, *longest = NULL;
	for (size_t i = 0; i < l->count; i++) {
		struct lane *lane = &l->list[i];
		if (!lane->ready)
			continue;
		if (!first)
			first = lane;
		if (!longest || lane->waited > longest->waited)
			longest = lane;
	}
	return longest && longest->waited + (int64_t)l->count > LANES_FLOOR ? longest : first;
}

struct lane *lanes_choose(struct lanes *l)
{
	return l->strict ? choose_strictly(l) : choose_by_weight(l);
}

void lanes_took(struct lanes *l, struct lane *lane, int64_t records)
{
	for (size_t i = 0; i < l->count; i++)
		l->list[i].waited += l->list[i].ready;
	lane->waited = 0;
	lane->credit -= records;
	if (records > l->largest)
		l->largest = records;
}

void lanes_release(struct lanes *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->list[i].topic);
	free(l->list);
	*l = (struct lanes)LANES_INIT;
}
