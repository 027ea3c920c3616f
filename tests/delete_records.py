"""Deletes what a partition holds below an offset, as retention does: BROKERS TOPIC PARTITION OFFSET."""
import ctypes
import sys

k = ctypes.CDLL("librdkafka.so.1")
for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_queue_new", "rd_kafka_topic_partition_list_new",
             "rd_kafka_topic_partition_list_add", "rd_kafka_DeleteRecords_new", "rd_kafka_queue_poll",
             "rd_kafka_event_DeleteRecords_result", "rd_kafka_event_error_string"):
    getattr(k, name).restype = ctypes.c_void_p
pointer = ctypes.c_void_p

brokers, topic, partition, offset = sys.argv[1:]
why = ctypes.create_string_buffer(512)
conf = pointer(k.rd_kafka_conf_new())
k.rd_kafka_conf_set(conf, b"bootstrap.servers", brokers.encode(), why, 512)
client = pointer(k.rd_kafka_new(0, conf, why, 512))
queue = pointer(k.rd_kafka_queue_new(client))
where = pointer(k.rd_kafka_topic_partition_list_new(1))
k.rd_kafka_topic_partition_list_add(where, topic.encode(), int(partition))
k.rd_kafka_topic_partition_list_set_offset(where, topic.encode(), int(partition), ctypes.c_int64(int(offset)))
request = (pointer * 1)(k.rd_kafka_DeleteRecords_new(where))
k.rd_kafka_DeleteRecords(client, request, ctypes.c_size_t(1), None, queue)
answer = pointer(k.rd_kafka_queue_poll(queue, 20000))
if not answer.value or k.rd_kafka_event_error(answer):
    sys.exit("not deleted")
