package live

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/source"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
)

// TestRecordingTellsTheSame records everything of the matrix and replays it.
func TestRecordingTellsTheSame(t *testing.T) {
	for _, w := range []lab.World{lab.Legacy, lab.IptablesNFT, lab.NFT} {
		t.Run(string(w), func(t *testing.T) {
			t.Parallel()
			l := lab.New(t, "router")
			for _, s := range sides() {
				load(t, l, "rt", w, s.loadedAs(w), s.rules(w, false))
			}
			var recording bytes.Buffer
			r, err := source.NewRecorder(&recording, source.StoryHeader{Program: "test", Started: time.Now()})
			if err != nil {
				t.Fatal(err)
			}
			running := watch(t, l, Options{Recorder: r}, "rt", "server")
			for _, s := range sides() {
				for i, c := range crossings() {
					for k, f := range fates() {
						send(t, l, c.from, f.packet(t, s, c, sport(i, k)))
						if k == 3 {
							time.Sleep(300 * time.Millisecond) // journeys end in between
						}
					}
				}
				send(t, l, "client", toService(t, s, crossings()[0], 29000))
				send(t, l, "client", segment(t, s.client, s.server, 29001, 1001, packet.SYN))
			}
			to := running.stop()
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			want := encoded(t, to.journeys)
			for range 2 {
				got := encoded(t, replay(t, recording.Bytes()))
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("the recording tells other journeys:\n%.6000s", diff)
				}
			}
		})
	}
}

func replay(t *testing.T, recording []byte) []*journey.Journey {
	t.Helper()
	story, err := source.OpenStory(bytes.NewReader(recording))
	if err != nil {
		t.Fatal(err)
	}
	var told []*journey.Journey
	if _, err := Tell(context.Background(), story, Teller{Journey: func(j *journey.Journey) { told = append(told, j) }}); err != nil {
		t.Fatal(err)
	}
	return told
}

func encoded(t *testing.T, js []*journey.Journey) []string {
	t.Helper()
	lines := make([]string, len(js))
	for i, j := range js {
		b, err := json.Marshal(j)
		if err != nil {
			t.Fatal(err)
		}
		lines[i] = string(b)
	}
	return lines
}
