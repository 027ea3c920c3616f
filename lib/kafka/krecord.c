#include "kafka/krecord.h"

#include <stdint.h>
#include <string.h>

void krecord_plain(const rd_kafka_message_t *m, struct record *out)
{
	rd_kafka_timestamp_type_t type;
	out->topic = str_of(m->rkt ? rd_kafka_topic_name(m->rkt) : "");
	out->partition = m->partition;
	out->offset = m->offset;
	out->ts_ms = rd_kafka_message_timestamp(m, &type);
	out->key = (struct str){m->key, m->key_len};
	out->value = (struct str){m->payload, m->len};
	headers_clear(&out->headers);
}

/* True if librdkafka keeps a header's value right behind its name and the name's NUL, as versions
 * 0.11.4 to 2.16 do. */
static bool value_follows_name(void)
{
	const char *name;
	const void *value;
	size_t size;
	rd_kafka_headers_t *list = rd_kafka_headers_new(1);
	bool follows = rd_kafka_header_add(list, "a\0b", 3, "v", 1) == 0 &&
	    rd_kafka_header_get_all(list, 0, &name, &value, &size) == 0 && memcmp(name, "a\0b", 4) == 0 &&
	    (uintptr_t)value - (uintptr_t)name == 4;
	rd_kafka_headers_destroy(list);
	return follows;
}

/* Returns the header's name with the NUL bytes in it. librdkafka says where a name begins, and not how
 * long it is; of a header whose value is null the name ends at the first NUL. */
static struct str name_of(const char *name, const void *value)
{
	static enum { UNKNOWN, FOLLOWS, ELSEWHERE } where;
	if (where == UNKNOWN)
		where = value_follows_name() ? FOLLOWS : ELSEWHERE;
	if (!value || where == ELSEWHERE)
		return str_of(name);
	return (struct str){name, (size_t)((const char *)value - name) - 1};
}

void krecord_from(const rd_kafka_message_t *m, struct record *out)
{
	rd_kafka_headers_t *list;
	const char *name;
	const void *value;
	size_t size;
	krecord_plain(m, out);
	if (rd_kafka_message_headers(m, &list))
		return;
	for (size_t i = 0; rd_kafka_header_get_all(list, i, &name, &value, &size) == 0; i++)
		headers_add(&out->headers, name_of(name, value), (struct str){value, size});
}

rd_kafka_headers_t *krecord_headers(const struct headers *h)
{
	if (h->count == 0)
		return NULL;
	rd_kafka_headers_t *list = rd_kafka_headers_new(h->count);
	for (size_t i = 0; i < h->count; i++)
		rd_kafka_header_add(list, h->list[i].name.ptr, (ssize_t)h->list[i].name.len,
		    h->list[i].value.ptr, (ssize_t)h->list[i].value.len);
	return list;
}
