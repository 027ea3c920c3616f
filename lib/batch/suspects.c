#include "batch/suspects.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static size_t place(const struct suspects *s, size_t index)
{
	size_t at = s->count;
	while (at > 0 && s->list[at - 1].index >= index)
		at--;
	return at;
}

struct suspect *suspects_find(struct suspects *s, size_t index)
{
	size_t at = place(s, index);
	return at < s->count && s->list[at].index == index ? &s->list[at] : NULL;
}

static struct suspect *add(struct suspects *s, size_t index)
{
	size_t at = place(s, index);
	s->list = mem_grow(s->list, &s->cap, s->count + 1, sizeof(*s->list));
	memmove(s->list + at + 1, s->list + at, (s->count - at) * sizeof(*s->list));
	s->count++;
	s->list[at] = (struct suspect){
	    .index = index, .failed_ms = INT64_MIN, .contrast_ms = INT64_MAX};
	return &s->list[at];
}

void suspects_fail(struct suspects *s, size_t index, bool by_data, int64_t began_ms,
    int64_t ended_ms)
{
	struct suspect *one = suspects_find(s, index);
	if (!one)
		one = add(s, index);
	if (one->failed_ms == INT64_MIN)
		one->failed_ms = ended_ms;
	else if (began_ms >= one->contrast_ms)
		one->again = true;
	one->by_data = by_data;
}

void suspects_success(struct suspects *s, int64_t began_ms, int64_t ended_ms)
{
	for (size_t i = 0; i < s->count; i++) {
		struct suspect *one = &s->list[i];
		if (began_ms >= one->failed_ms && ended_ms < one->contrast_ms)
			one->contrast_ms = ended_ms;
	}
}

void suspects_forget(struct suspects *s, size_t first, size_t end)
{
	size_t kept = 0;
	for (size_t i = 0; i < s->count; i++)
		if (s->list[i].index < first || s->list[i].index >= end)
			s->list[kept++] = s->list[i];
	s->count = kept;
}

bool suspect_has_contrast(const struct suspect *s)
{
	return s->contrast_ms != INT64_MAX;
}

bool suspect_is_condemned(const struct suspect *s)
{
	return s->accused && (s->again || (s->by_data && suspect_has_contrast(s)));
}

void suspects_release(struct suspects *s)
{
	free(s->list);
	*s = (struct suspects)SUSPECTS_INIT;
}
