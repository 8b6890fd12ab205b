package logfile

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"
)

// part is a file's place in its rotated set.
type part struct {
	path  string
	stem  string // path without what rotation and compression added
	age   age
	date  string // of a dated part
	index int    // of a numbered part
}

// age is the order of the kinds of parts within a set, oldest first.
type age int

const (
	dated age = iota
	numbered
	current
)

// partOf reads the names that logrotate, newsyslog and their like give:
// kern.log.2.gz, kern.log-20261122.xz, kern.log-20261122-1763800000, kern-20261122.log
// and kern.1.log.
func partOf(path string) part {
	p := part{path: path, stem: path, age: current}
	folder, name := filepath.Split(path)
	name = uncompressed(name)
	if stem, ok := p.suffix(name); ok {
		p.stem = folder + stem
		return p
	}
	if ext := filepath.Ext(name); len(ext) > 1 && !digits(ext[1:]) {
		if stem, ok := p.suffix(strings.TrimSuffix(name, ext)); ok {
			p.stem = folder + stem + ext
			return p
		}
	}
	p.stem = folder + name
	return p
}

// suffix takes the suffix of a rotated part off a name.
func (p *part) suffix(name string) (stem string, ok bool) {
	i := strings.LastIndexAny(name, ".-_")
	if i <= 0 || !digits(name[i+1:]) {
		return datedByWords(p, name)
	}
	tail := name[i+1:]
	if stem, ok = p.second(name[:i], tail); ok {
		return stem, true
	}
	switch {
	case isDate(tail):
		p.age, p.date = dated, tail
	case name[i] == '.' && len(tail) <= 5 && !isAddress(name):
		p.age, p.index = numbered, number(tail)
	default:
		return datedByWords(p, name)
	}
	return name[:i], true
}

// second takes a date that stands before another number: -20261122-1763800000.
func (p *part) second(name, tail string) (stem string, ok bool) {
	i := strings.LastIndexAny(name, ".-_")
	if i <= 0 || !isDate(name[i+1:]) {
		return "", false
	}
	p.age, p.date = dated, name[i+1:]+" "+strings.Repeat("0", max(0, 20-len(tail)))+tail
	return name[:i], true
}

// datedByWords takes -2026-11-22 off a name.
func datedByWords(p *part, name string) (stem string, ok bool) {
	const form = "-2026-11-22"
	i := len(name) - len(form)
	if i <= 0 || strings.IndexByte("-._", name[i]) < 0 {
		return "", false
	}
	date := name[i+1:]
	if date[4] != '-' || date[7] != '-' {
		return "", false
	}
	if date = date[:4] + date[5:7] + date[8:]; !isDate(date) {
		return "", false
	}
	p.age, p.date = dated, date
	return name[:i], true
}

// isDate reports whether s begins with year, month and day, maybe with a time of
// day behind them, or is seconds since 1970.
func isDate(s string) bool {
	switch {
	case !digits(s):
		return false
	case len(s) == 10 && s[0] == '1' && s[1] != '9':
		return true
	}
	return len(s) >= 8 && len(s) <= 14 && s[:4] >= "1970" && s[:4] < "2200" &&
		s[4:6] >= "01" && s[4:6] <= "12" && s[6:8] >= "01" && s[6:8] <= "31"
}

// isAddress reports whether a name ends in an IPv4 address, as logs do that are
// named for who sent them.
func isAddress(name string) bool {
	from := strings.LastIndexFunc(name, func(c rune) bool { return c != '.' && (c < '0' || c > '9') })
	return strings.Count(name[from+1:], ".") >= 3
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func number(s string) int {
	n := 0
	for _, c := range s {
		n = n*10 + int(c-'0')
	}
	return n
}

// uncompressed is a name without what a compressor added to it.
func uncompressed(name string) string {
	for _, ext := range []string{".gz", ".xz", ".zst", ".bz2"} {
		if stem, ok := strings.CutSuffix(name, ext); ok && stem != "" {
			return stem
		}
	}
	return name
}

func (p part) same(q part) bool { return filepath.Clean(p.path) == filepath.Clean(q.path) }

func older(a, b part) int {
	return cmp.Or(cmp.Compare(a.age, b.age), cmp.Compare(a.date, b.date), cmp.Compare(b.index, a.index))
}

// order groups paths by their set, in the order in which the sets were first
// named, and sorts each set oldest first.
func order(paths []string) [][]part {
	var sets [][]part
	of := map[string]int{}
	for _, path := range paths {
		p := part{path: path, stem: path, age: current}
		if path != Stdin {
			p = partOf(filepath.Clean(path))
			p.path = path
		}
		i, ok := of[p.stem]
		if !ok {
			i = len(sets)
			of[p.stem] = i
			sets = append(sets, nil)
		}
		if !slices.ContainsFunc(sets[i], p.same) {
			sets[i] = append(sets[i], p)
		}
	}
	for _, set := range sets {
		slices.SortStableFunc(set, older)
	}
	return sets
}
