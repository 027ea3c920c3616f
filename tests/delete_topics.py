"""Deletes topics: BROKERS TOPIC..."""
import ctypes
import sys

k = ctypes.CDLL("librdkafka.so.1")
for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_queue_new", "rd_kafka_DeleteTopic_new", "rd_kafka_queue_poll"):
    getattr(k, name).restype = ctypes.c_void_p
pointer = ctypes.c_void_p

brokers, *topics = (word.encode() for word in sys.argv[1:])
why = ctypes.create_string_buffer(512)
conf = pointer(k.rd_kafka_conf_new())
k.rd_kafka_conf_set(conf, b"bootstrap.servers", brokers, why, 512)
client = pointer(k.rd_kafka_new(0, conf, why, 512))
queue = pointer(k.rd_kafka_queue_new(client))
gone = (pointer * len(topics))(*(pointer(k.rd_kafka_DeleteTopic_new(topic)) for topic in topics))
k.rd_kafka_DeleteTopics(client, gone, ctypes.c_size_t(len(topics)), None, queue)
answer = pointer(k.rd_kafka_queue_poll(queue, 20000))
if not answer.value or k.rd_kafka_event_error(answer):
    sys.exit("not deleted")
