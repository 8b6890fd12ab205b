package sysctl

import (
	"path"
	"strings"

	"github.com/pktrail/pktrail/internal/snapshot"
)

// Assignment is one line of a configuration that is about a setting.
type Assignment struct {
	Path  string // below /proc/sys; may hold the signs of a glob
	Value string
	// Spares is a line without a value, `-key`: no glob sets that key.
	Spares bool
	// Procps marks a line of a file that `sysctl --system` reads and systemd-sysctl does not.
	Procps bool
	File   string
	Line   int // from 1

	order int
}

func (a *Assignment) glob() bool { return strings.ContainsAny(a.Path, "*?[") }

// Config is all assignments of a host, in the order in which they are applied.
type Config struct{ all []Assignment }

// ParseConfig reads the lines as systemd-sysctl does (sysctl.d(5)). What is no
// assignment is left aside, as it is there.
func ParseConfig(lines, procps []snapshot.ConfigLine) Config {
	var c Config
	c.add(lines, false)
	c.add(procps, true)
	return c
}

func (c *Config) add(lines []snapshot.ConfigLine, procps bool) {
	for _, l := range lines {
		if a, ok := parseAssignment(l.Text); ok {
			a.File, a.Line, a.Procps, a.order = l.File, l.Line, procps, len(c.all)
			c.all = append(c.all, a)
		}
	}
}

// parseAssignment reads `key = value`, `-key = value` (a failure does not matter)
// and `-key`.
func parseAssignment(text string) (a Assignment, ok bool) {
	text = strings.TrimSpace(text)
	if text == "" || text[0] == '#' || text[0] == ';' {
		return a, false
	}
	key, value, assigns := strings.Cut(text, "=")
	key, dash := strings.CutPrefix(strings.TrimSpace(key), "-")
	key = strings.TrimSpace(key)
	a.Path = path.Clean(strings.TrimPrefix(Path(key), "/"))
	a.Path = strings.TrimPrefix(a.Path, "proc/sys/")
	a.Value, a.Spares = strings.TrimSpace(value), !assigns
	return a, key != "" && (assigns || dash)
}

// Of returns what is said of a path, in the order in which it is applied: globs
// too, unless the path is named somewhere.
func (c *Config) Of(name string) (all []Assignment) {
	var globs []Assignment
	for _, a := range c.all {
		if a.Path == name {
			all = append(all, a)
		} else if a.glob() {
			if ok, err := path.Match(a.Path, name); ok && err == nil {
				globs = append(globs, a)
			}
		}
	}
	if all == nil {
		return globs
	}
	return all
}

// Last returns the assignment that decides over any of the paths, which are
// names of one value: the one that is applied last. Of each path the last line
// alone is applied; where it has no value, or one that does not pass (nil lets
// every value pass), nothing is.
func (c *Config) Last(paths []string, pass func(value string) bool) (last Assignment, ok bool) {
	for _, p := range paths {
		said := c.Of(p)
		if len(said) == 0 {
			continue
		}
		a := said[len(said)-1]
		if a.Spares || pass != nil && !pass(a.Value) {
			continue
		}
		if !ok || a.order > last.order {
			last, ok = a, true
		}
	}
	return last, ok
}
