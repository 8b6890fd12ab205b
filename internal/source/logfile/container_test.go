package logfile

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/lab"
)

func pack(t testing.TB, content string, writer func(io.Writer) (io.WriteCloser, error)) string {
	t.Helper()
	var b bytes.Buffer
	w, err := writer(&b)
	if err == nil {
		_, err = io.WriteString(w, content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func gzipped(t testing.TB, content string) string {
	return pack(t, content, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil })
}

func zstded(t testing.TB, content string) string {
	return pack(t, content, func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) })
}

func xzed(t testing.TB, content string) string {
	return pack(t, content, func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) })
}

// bzipped needs the program: the standard library only reads.
func bzipped(t testing.TB, content string) string {
	t.Helper()
	c := exec.Command("bzip2")
	c.Stdin = strings.NewReader(content)
	b, err := c.Output()
	if err != nil {
		lab.Lacks(t, fmt.Sprintf("bzip2: %v", err))
	}
	return string(b)
}

// TestContainers: two members one after the other, under a name that says nothing,
// from a file and from a stream.
func TestContainers(t *testing.T) {
	for name, packed := range map[string]func(testing.TB, string) string{
		"gzip": gzipped, "zstd": zstded, "xz": xzed, "bzip2": bzipped,
	} {
		t.Run(name, func(t *testing.T) {
			content := packed(t, lines(0, 2000)) + packed(t, lines(2000, 3000))
			all := read(t, Options{}, logOf(t, content))
			wantNumbers(t, all, 0, 3000)
			if got := notes(all); len(got) > 0 {
				t.Error(got)
			}
			wantNumbers(t, read(t, Options{Stdin: strings.NewReader(content)}, Stdin), 0, 3000)
			testDamaged(t, name, content, len(packed(t, lines(0, 2000))))
		})
	}
}

// testDamaged cuts and damages a file: what comes before is told, and why there is no more.
func testDamaged(t *testing.T, name, content string, first int) {
	spoilt := []byte(content)
	for i := range 40 {
		spoilt[first+i] ^= 0x55
	}
	for what, c := range map[string]struct {
		content string
		least   int
	}{
		"cut in its second member": {content[:len(content)-len(content)/10], 2000},
		"damaged second member":    {string(spoilt), 2000},
		"its first bytes alone":    {content[:11], 0},
	} {
		all := read(t, Options{}, logOf(t, c.content))
		got := notes(all)
		if len(got) != 1 || !strings.Contains(got[0], "kern.log: cannot be read to its end: "+name+": ") {
			t.Errorf("%s: %q", what, got)
		}
		some := only(all, event.KindLine)
		if n := len(some); n > 0 && some[n-1].line.Cut != 0 {
			some = some[:n-1]
		}
		if n := len(some); n < c.least || n >= 3000 {
			t.Errorf("%s: %d lines", what, n)
		}
		wantNumbers(t, some, 0, len(some))
	}
}

// TestNotPacked: beginnings that look like a container's for a moment.
func TestNotPacked(t *testing.T) {
	for _, head := range []string{"B", "BZ", "BZh", "BZh91AY&SX", "BZh9 is a word\n", "\x1f", "\xfd7z", "(", "\x28\xb5"} {
		for name, o := range map[string]Options{"file": {}, "stream": {Stdin: strings.NewReader(head + "\n" + packetLine("h1", 0))}} {
			path := Stdin
			if name == "file" {
				path = logOf(t, head+"\n"+packetLine("h1", 0))
			}
			all := read(t, o, path)
			wantNumbers(t, all, 0, 1)
			if got := notes(all); len(got) > 0 {
				t.Errorf("%q: %q", head, got)
			}
		}
	}
	for _, whole := range []string{"", "B", "BZh9"} {
		if got := read(t, Options{Stdin: strings.NewReader(whole)}, Stdin); len(got) > 0 {
			t.Errorf("%q: %+v", whole, got)
		}
	}
}

// TestLargeDictionary: an xz file that asks for 4 GiB is refused before it gets them.
func TestLargeDictionary(t *testing.T) {
	b := []byte(xzed(t, lines(0, 10)))
	i := bytes.Index(b, []byte{0x21, 1})
	if i != 14 {
		t.Fatalf("filter at %d: %s", i, hex.EncodeToString(b[:24]))
	}
	b[i+2] = 40
	got := notes(read(t, Options{}, logOf(t, string(b))))
	if len(got) != 1 || !strings.Contains(got[0], "its dictionary of 4096 MiB is larger than 128 MiB") {
		t.Errorf("%q", got)
	}
}

func TestXZDictionary(t *testing.T) {
	for bits, want := range map[byte]int64{0: 4096, 1: 6144, 18: 2 << 20, 22: 8 << 20, 28: 64 << 20, 40: 4 << 30} {
		head := append(make([]byte, 12), 2, 0xc0, 0x81, 0x01, 0x05, 0x21, 1, bits)
		if got := xzDictionary(head); got != want {
			t.Errorf("%d: %d, want %d", bits, got, want)
		}
	}
	for n := range 20 {
		xzDictionary(append(make([]byte, 12), 2, 0xc0, 0xff, 0xff, 0xff, 0xff, 0x21, 1)[:n])
	}
}

func TestCompressedNumbers(t *testing.T) {
	content := lines(0, 3000) + "in: IN=eth0 OUT= SRC=10.1.0.2 DST=10.1.0.1 TTL=abc PROTO=TCP\n"
	for _, path := range []string{
		write(t, filepath.Join(t.TempDir(), "a"), content),
		write(t, filepath.Join(t.TempDir(), "b"), gzipped(t, content)),
	} {
		all := read(t, Options{}, path)
		last := all[len(all)-1]
		if last.bad.Number != 4001 || last.bad.File != path || !strings.HasPrefix(string(last.bad.Text), "in: IN=eth0") {
			t.Errorf("%+v", last)
		}
	}
}
