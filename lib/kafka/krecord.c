#include "kafka/krecord.h"

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
		headers_add(&out->headers, str_of(name), (struct str){value, size});
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
