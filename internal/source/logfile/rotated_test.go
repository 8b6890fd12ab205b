package logfile

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPartOf(t *testing.T) {
	for path, want := range map[string]part{
		"kern.log":                              {stem: "kern.log", age: current},
		"/v/kern.log.1":                         {stem: "/v/kern.log", age: numbered, index: 1},
		"kern.log.12.gz":                        {stem: "kern.log", age: numbered, index: 12},
		"kern.log-20261122":                     {stem: "kern.log", age: dated, date: "20261122"},
		"kern.log-20261122.xz":                  {stem: "kern.log", age: dated, date: "20261122"},
		"kern.log-2026-11-22.zst":               {stem: "kern.log", age: dated, date: "20261122"},
		"kern.log-2026112213":                   {stem: "kern.log", age: dated, date: "2026112213"},
		"kern.log-20261122-1795000000.gz":       {stem: "kern.log", age: dated, date: "20261122 00000000001795000000"},
		"kern.log.1795000000":                   {stem: "kern.log", age: dated, date: "1795000000"},
		"kern.log.20261122":                     {stem: "kern.log", age: dated, date: "20261122"},
		"kern-20261122.log":                     {stem: "kern.log", age: dated, date: "20261122"},
		"kern.2.log.gz":                         {stem: "kern.log", age: numbered, index: 2},
		"messages":                              {stem: "messages", age: current},
		"messages.gz":                           {stem: "messages", age: current},
		"dmesg.0":                               {stem: "dmesg", age: numbered},
		"10.1.2.3":                              {stem: "10.1.2.3", age: current},
		"10.1.2.3.log":                          {stem: "10.1.2.3.log", age: current},
		"fw-10.1.2.3.log":                       {stem: "fw-10.1.2.3.log", age: current},
		"10.1.2.3.log.1":                        {stem: "10.1.2.3.log", age: numbered, index: 1},
		"host-12":                               {stem: "host-12", age: current},
		"kern.log-99999999":                     {stem: "kern.log-99999999", age: current},
		"kern.log.123456":                       {stem: "kern.log.123456", age: current},
		".1":                                    {stem: ".1", age: current},
		".gz":                                   {stem: ".gz", age: current},
		"":                                      {stem: "", age: current},
		"-":                                     {stem: "-", age: current},
		"kern.log.99999999999999999999999999.1": {stem: "kern.log.99999999999999999999999999", age: numbered, index: 1},
	} {
		want.path = path
		if diff := cmp.Diff(want, partOf(path), cmp.AllowUnexported(part{})); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
}

func TestSets(t *testing.T) {
	for given, want := range map[string]string{
		"kern.log kern.log.1 kern.log.10.gz kern.log.2.gz":           "kern.log.10.gz kern.log.2.gz kern.log.1 kern.log",
		"b.log.1 a.log b.log a.log.1":                                "b.log.1 b.log a.log.1 a.log",
		"m-20261101.xz m m-20261122 m-20261115-1794000000.gz":        "m-20261101.xz m-20261115-1794000000.gz m-20261122 m",
		"x/kern.log y/kern.log.1 x/kern.log.1":                       "x/kern.log.1 x/kern.log y/kern.log.1",
		"./kern.log kern.log.1":                                      "kern.log.1 ./kern.log",
		"a a.1 ./a a a.1":                                            "a.1 a",
		"- kern.log":                                                 "- kern.log",
		"syslog-20261122-1795000002.gz syslog-20261122-179500001.gz": "syslog-20261122-179500001.gz syslog-20261122-1795000002.gz",
	} {
		var got []string
		for _, set := range order(strings.Fields(given)) {
			for _, p := range set {
				got = append(got, p.path)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %s, want %s", given, got, want)
		}
	}
}

// TestRotatedSet: the files that logrotate leaves, as a glob gives them.
func TestRotatedSet(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "kern.log"), lines(400, 500))
	write(t, filepath.Join(dir, "kern.log.1"), lines(300, 400))
	write(t, filepath.Join(dir, "kern.log.2.gz"), gzipped(t, lines(200, 300)))
	write(t, filepath.Join(dir, "kern.log.3.zst"), zstded(t, lines(100, 200)))
	write(t, filepath.Join(dir, "kern.log.10.xz"), xzed(t, lines(0, 100)))
	paths, err := filepath.Glob(filepath.Join(dir, "kern.log*"))
	if err != nil {
		t.Fatal(err)
	}
	wantNumbers(t, read(t, Options{}, paths...), 0, 500)
	slices.Reverse(paths)
	wantNumbers(t, read(t, Options{}, paths...), 0, 500)
}

// TestTwice: a file under two names, and one that logrotate is just compressing.
func TestTwice(t *testing.T) {
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "kern.log"), lines(10, 20))
	link := filepath.Join(dir, "other.log")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "kern.log.1"), lines(0, 10))
	half := write(t, filepath.Join(dir, "kern.log.1.gz"), gzipped(t, lines(0, 10))[:30])
	all := read(t, Options{}, path, path, link, path+".1", half)
	wantNumbers(t, all, 0, 20)
	if got := notes(all); len(got) != 1 || got[0] != half+": left out: "+path+".1 is the same part of the set" {
		t.Errorf("%q", got)
	}
}

func TestTwoLogs(t *testing.T) {
	dir := t.TempDir()
	z := write(t, filepath.Join(dir, "z.log"), lines(0, 10))
	a := write(t, filepath.Join(dir, "a.log"), lines(10, 20))
	wantNumbers(t, read(t, Options{}, z, a), 0, 20)
}
