package logfile

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/event"
)

// FuzzRead reads anything as a file in chunks of any size and as a stream: it is
// the same log.
func FuzzRead(f *testing.F) {
	two := packetLine("h1", 0) + packetLine("h2", 1)
	for _, seed := range []string{
		"", two, badText + two, strings.ReplaceAll(two, "\n", "\x00"), two + strings.Repeat("x", maxLine+2), "[Feb15 06:36] x\n[  +1.5] " + packetText,
		strings.Replace(jsonEntry(0), "{", "{\"x\":[1],", 1), exportEntry(1), packetText + "[ 1.5] " + packetText, "LPKSHHRH",
	} {
		f.Add([]byte(seed), uint16(100))
		f.Add([]byte(gzipped(f, seed)), uint16(4096))
	}
	path := filepath.Join(f.TempDir(), "log")
	f.Fuzz(func(t *testing.T, content []byte, size uint16) {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		whole := read(t, Options{Workers: 1}, path)
		s, err := Open([]string{path}, Options{Workers: 3})
		if err != nil {
			t.Fatal(err)
		}
		s.chunkSize = int(size) + 1
		sameEvents(t, "in chunks", told(run(t, s)), told(whole))
		stream := read(t, Options{Stdin: bytes.NewReader(content)}, Stdin)
		for _, kind := range []event.Kind{event.KindLine, event.KindBadLine} {
			if a, b := len(only(whole, kind)), len(only(stream, kind)); a != b {
				t.Fatalf("%d of kind %d, as a stream %d", a, kind, b)
			}
		}
	})
}

// told leaves out notes: whether bytes look binary is judged chunk by chunk.
func told(all []kept) []kept {
	return slices.DeleteFunc(slices.Clone(all), func(k kept) bool { return k.kind == event.KindNote })
}
