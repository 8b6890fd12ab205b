package envelope

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/corpus"
)

var update = flag.Bool("update", false, "write the counts of the corpus anew")

// packetLine is what counts as one of the corpus: the heads of others do not matter.
var packetLine = regexp.MustCompile(`(IN|OUT|SRC|DST|PROTO|TTL)=`)

// TestCorpus counts what the heads of real logs tell, and compares it with the
// list that was looked through once.
func TestCorpus(t *testing.T) {
	const list = "testdata/corpus.tsv"
	dir := corpus.Path(t, "logs")
	rows := "file\tlines\thead\twall\tuptime\thost\tpriority\tyear\tzone\n"
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".log" {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		rows += name + counts(t, path) + "\n"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(list, []byte(rows), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(rows, "\n")); diff != "" {
		t.Errorf("listed -, counted +:\n%s", diff)
	}
}

func counts(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := reader()
	var h Head
	var lines, heads int
	bits := [...]Has{HasWall, HasUptime, HasHost, HasPriority, HasYear, HasZone}
	var n [len(bits)]int
	for line := range bytes.Lines(raw) {
		line = bytes.TrimRight(line, "\r\n")
		if !packetLine.Match(line) {
			continue
		}
		r.Read(line, &h)
		lines++
		if h.Len > 0 {
			heads++
		}
		for i, bit := range bits {
			if h.Has&bit != 0 {
				n[i]++
			}
		}
		if lost := packetLine.FindIndex(line[:h.Len]); lost != nil {
			t.Errorf("%s: the head takes a word of the packet: %q", path, line[:h.Len])
		}
	}
	return fmt.Sprintf("\t%d\t%d\t%s", lines, heads, strings.Trim(strings.ReplaceAll(fmt.Sprint(n), " ", "\t"), "[]"))
}
