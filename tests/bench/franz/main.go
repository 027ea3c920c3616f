// franz send BROKERS TOPIC < LINES, or franz consume BROKERS TOPIC COUNT: the same work by another client library.
package main

import (
	"bufio"
	"context"
	"log"
	"os"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"
)

func send(client *kgo.Client) {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 1<<20)
	for in.Scan() {
		value := append([]byte(nil), in.Bytes()...)
		client.Produce(context.Background(), &kgo.Record{Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				log.Fatal(err)
			}
		})
	}
	if err := in.Err(); err != nil {
		log.Fatal(err)
	}
	if err := client.Flush(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func consume(client *kgo.Client, count int) {
	out := bufio.NewWriterSize(os.Stdout, 1<<17)
	for count > 0 {
		fetches := client.PollFetches(context.Background())
		if err := fetches.Err(); err != nil {
			log.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if count > 0 {
				out.Write(r.Value)
				out.WriteByte('\n')
			}
			count--
		})
	}
	if err := out.Flush(); err != nil {
		log.Fatal(err)
	}
}

func main() {
	if len(os.Args) < 4 {
		log.Fatal("usage: franz send BROKERS TOPIC, franz consume BROKERS TOPIC COUNT")
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(os.Args[2]), kgo.DefaultProduceTopic(os.Args[3]),
		kgo.ConsumeTopics(os.Args[3]), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.ProducerBatchCompression(kgo.Lz4Compression()))
	if err != nil {
		log.Fatal(err)
	}
	if os.Args[1] == "send" {
		send(client)
		return
	}
	count, err := strconv.Atoi(os.Args[4])
	if err != nil {
		log.Fatal(err)
	}
	consume(client, count)
}
