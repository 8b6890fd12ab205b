package capture

import (
	"maps"
	"strconv"
	"strings"
	"unicode"

	"github.com/pktrail/pktrail/internal/event"
)

// links names the interfaces of a capture by number. Those that the kernel
// numbered keep their numbers; those that the file only names get some from
// firstNamed on, which the kernel never gives (an ifindex is a positive int).
type links struct {
	names map[uint32]string
	named map[string]uint32 // the second kind, by name: sections may name one again
}

const (
	firstNamed = 1 << 31
	mostLinks  = 1024 // that are named; a file may hold more
	longName   = 255
)

func newLinks() links { return links{names: map[uint32]string{}, named: map[string]uint32{}} }

// learn names an interface of which only the kernel's number is told.
func (s *Source) learn(index uint32) {
	if index == 0 || s.links.names[index] != "" || len(s.links.names) >= mostLinks {
		return
	}
	s.nameLink(index, "if"+strconv.FormatUint(uint64(index), 10))
}

// device is the number of an interface of which the name is told; 0 for none.
func (s *Source) device(name string) uint32 {
	name = printable(name)
	if index := s.links.named[name]; index != 0 || name == "" || len(s.links.names) >= mostLinks {
		return index
	}
	index := uint32(firstNamed + len(s.links.named))
	s.links.named[name] = index
	s.nameLink(index, name)
	return index
}

// nameLink adds a name and tells them all.
func (s *Source) nameLink(index uint32, name string) {
	// Whoever was told the names before may have kept them.
	s.links.names = maps.Clone(s.links.names)
	s.links.names[index] = name
	s.tellLinks()
}

func (s *Source) tellLinks() {
	s.add(event.KindNamespace, s.last).Namespace = &event.Namespace{Links: s.links.names, Log: true}
}

// printable is a name as a terminal can be given it.
func printable(name string) string {
	name = name[:min(len(name), longName)]
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, name)
}
