package logline

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/internal/envelope"
	"github.com/pktrail/pktrail/internal/event"
)

var update = flag.Bool("update", false, "write the list of what the corpus gives")

// logFiles are the corpus's logs by name.
func logFiles(t testing.TB) map[string][]byte {
	t.Helper()
	dir, files := corpus.Path(t, "logs"), map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".log") {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		files[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	})
	if err != nil || len(files) < 30 {
		t.Fatalf("%d logs in %s: %v", len(files), dir, err)
	}
	return files
}

// score is what one file of the corpus gives.
type score struct {
	lines, log, trace, cut, rest, spaced int

	prefixes map[string]bool
	unparsed []string // with the line's number and the reason
}

func (s score) String() string {
	line := fmt.Sprintf("%d\t%d\t%d\t%d\t%d\t%d\t%d", s.lines, s.log, s.trace, len(s.prefixes), s.cut, s.rest, s.spaced)
	for _, reason := range s.unparsed {
		line += "\t" + reason
	}
	return line
}

// judge parses a line and whatever is merged into it.
func (s *score) judge(t *testing.T, p *Parser, where string, number int, text []byte) {
	var r envelope.Reader
	for len(text) > 0 {
		var l event.LogLine
		var h envelope.Head
		r.Read(text, &h)
		text = text[h.Len:]
		rest, err := p.Parse(text, &l)
		if errors.Is(err, ErrNoPacket) {
			if Find(text) >= 0 {
				s.unparsed = append(s.unparsed, fmt.Sprintf("%d: %v", number, err))
			}
			return
		}
		if Find(text) < 0 {
			t.Errorf("%s: Find passes over %q", where, text)
		}
		if err != nil {
			s.unparsed = append(s.unparsed, fmt.Sprintf("%d: %v", number, err))
			return
		}
		s.count(&l)
		if whole := bytes.TrimRight(text[:len(text)-len(rest)], "\r"); l.Cut == 0 && len(l.Rest) == 0 && l.Form&event.FormSpaced == 0 {
			if got := Append(nil, &l); !bytes.Equal(got, whole) {
				t.Errorf("%s:\n got %q\nwant %q", where, got, whole)
			}
		}
		text = rest
	}
}

func (s *score) count(l *event.LogLine) {
	if l.Trace.Table != "" {
		s.trace++
	} else {
		s.log++
	}
	s.prefixes[l.Prefix] = true
	if l.Cut != 0 {
		s.cut++
	}
	if len(l.Rest) > 0 {
		s.rest++
	}
	if l.Form&event.FormSpaced != 0 {
		s.spaced++
	}
}

// TestCorpus: every packet line that others and our own kernels have logged is
// read, and a complete one printed again is the line.
func TestCorpus(t *testing.T) {
	const list = "testdata/corpus.tsv"
	var got strings.Builder
	got.WriteString("file\tlines\tLOG\tTRACE\tprefixes\tcut\twith rest\tspaced\tnot parsed\n")
	files := logFiles(t)
	var p Parser
	total, bad := 0, 0
	for _, name := range sorted(files) {
		s := score{prefixes: map[string]bool{}}
		for i, line := range bytes.Split(bytes.TrimSuffix(files[name], []byte("\n")), []byte("\n")) {
			s.lines++
			s.judge(t, &p, fmt.Sprintf("%s:%d", name, i+1), i+1, line)
		}
		fmt.Fprintf(&got, "%s\t%v\n", name, s)
		total, bad = total+s.log+s.trace, bad+len(s.unparsed)
	}
	t.Logf("%d packet lines read, %d not", total, bad)
	if bad*1000 > total {
		t.Errorf("%d of %d lines cannot be read", bad, total+bad)
	}
	if *update {
		if err := os.WriteFile(list, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("-want +got (-update rewrites the list):\n%s", diff)
	}
}
