package sysctl

import (
	"path"
	"strings"
)

// Path is the file below /proc/sys that a name means, as sysctl.d(5) has it: where
// the first separator is a slash the name is the path; else dots and slashes change
// places, so that `net.ipv4.conf.eth0/10.rp_filter` is of the interface eth0.10.
func Path(name string) string {
	i := strings.IndexAny(name, "./")
	if i < 0 || name[i] == '/' {
		return name
	}
	return swap(name)
}

// Name is a path below /proc/sys in dotted form: the reverse of Path.
func Name(path string) string { return swap(path) }

func swap(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '.':
			return '/'
		case '/':
			return '.'
		}
		return r
	}, s)
}

// Pattern chooses settings by name.
type Pattern struct {
	text  string // dotted
	typed string // for those who know files: a part of a path
	glob  bool
}

// ParsePattern reads what a user typed: a part of a name or a glob, with dots or
// slashes, with or without /proc/sys before it. The empty pattern fits everything.
func ParsePattern(text string) Pattern {
	text = strings.TrimPrefix(strings.TrimSpace(text), "/proc/sys/")
	return Pattern{Name(Path(text)), text, strings.ContainsAny(text, "*?[")}
}

// Check says what is wrong with a glob, such as a bracket that is not closed.
func (p Pattern) Check() error {
	if !p.glob {
		return nil
	}
	_, err := path.Match(whole(p.text), "")
	return err
}

// Fits reports whether a dotted name fits. A glob may begin at any dot of the name.
func (p Pattern) Fits(name string) bool {
	if !p.glob {
		return strings.Contains(name, p.text) || strings.Contains(Path(name), p.typed)
	}
	glob := whole(p.text)
	for {
		if ok, err := path.Match(glob, whole(name)); ok && err == nil {
			return true
		}
		_, rest, more := strings.Cut(name, ".")
		if !more {
			return false
		}
		name = rest
	}
}

// whole makes the dot in an interface's name, a slash in the dotted form, a byte
// that a star goes across.
func whole(s string) string { return strings.ReplaceAll(s, "/", "\x00") }

// Is reports whether the pattern is the name, or its end from a dot on.
func (p Pattern) Is(name string) bool {
	return !p.glob && p.text != "" && (name == p.text || strings.HasSuffix(name, "."+p.text) || strings.HasSuffix(Path(name), "/"+p.typed))
}
