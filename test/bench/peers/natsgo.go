// The peer in Go: what the documentation of nats.go shows for a Fetch, over TCP. One job a line of JSON on stdin, and one answer a
// line on stdout, so that a warm process is measured, as the others are.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

type job struct {
	URL      string `json:"url"`
	User     string `json:"user"`
	Pass     string `json:"pass"`
	Stream   string `json:"stream"`
	Consumer string `json:"consumer"`
	Messages int    `json:"messages"`
}

type answer struct {
	Handled int     `json:"handled"`
	WallMs  float64 `json:"wallMs"`
	Error   string  `json:"error,omitempty"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var asked job
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			panic(err) // peers.ts, its only sender, sends nothing else
		}
		startedAt := time.Now()
		handled, err := drain(asked)
		done := answer{Handled: handled, WallMs: float64(time.Since(startedAt).Microseconds()) / 1000}
		if err != nil {
			done.Error = err.Error()
		}
		if err := out.Encode(done); err != nil {
			panic(err)
		}
	}
}

// From the first line to the last, connecting and closing included. Flush proves that the server has the acks, as Sluice does.
func drain(asked job) (int, error) {
	nc, err := nats.Connect(asked.URL, nats.UserInfo(asked.User, asked.Pass))
	if err != nil {
		return 0, err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return 0, err
	}
	consumer, err := js.Consumer(context.Background(), asked.Stream, asked.Consumer)
	if err != nil {
		return 0, err
	}
	batch, err := consumer.Fetch(asked.Messages, jetstream.FetchMaxWait(5*time.Second))
	if err != nil {
		return 0, err
	}
	handled := 0
	for message := range batch.Messages() {
		if err := message.Ack(); err != nil {
			return handled, err
		}
		handled++
	}
	if err := batch.Error(); err != nil {
		return handled, err
	}
	return handled, nc.Flush()
}
