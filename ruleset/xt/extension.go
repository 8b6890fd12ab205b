package xt

import (
	"errors"
	"fmt"
	"slices"

	"github.com/pktrail/pktrail/ruleset"
)

// Match is one match of a rule, decoded.
type Match interface {
	// Name is the word behind -m.
	Name() string
	// AppendSave appends the match's options as iptables-save 1.8.9 prints
	// them behind its name, each with a blank before it.
	AppendSave(dst []byte) []byte
	// when tells what a packet must be; none matches every packet.
	when(a asked) []ruleset.Condition
}

// Target is what a rule does, decoded: a verdict, a jump or an extension.
type Target interface {
	// Name is the word behind -j or -g.
	Name() string
	// AppendSave appends the target's options as iptables-save 1.8.9 prints
	// them behind its name, each with a blank before it.
	AppendSave(dst []byte) []byte
}

// Names is what numbers in rules are called. They are the host's, not the
// kernel's, but for those of sets. A number without a name is shown as number.
type Names struct {
	Protocol    map[uint8]string          // of /etc/protocols
	DeviceGroup map[uint32]string         // of /etc/iproute2/group
	Realm       map[uint32]string         // of /etc/iproute2/rt_realms
	ConnLabel   map[uint16]string         // of /etc/xtables/connlabel.conf
	Set         func(index uint16) string // ipsets by their index in the kernel, asked from several goroutines; nil for none
}

// Env is what an extension cannot be read without: the family of its table,
// and what numbers are called.
type Env struct {
	Family ruleset.Family
	Names  *Names // nil for none
}

func (e Env) setName(index uint16) string {
	if e.Names == nil || e.Names.Set == nil || index == noSet {
		return ""
	}
	return e.Names.Set(index)
}

func (e Env) names() *Names {
	if e.Names == nil {
		return &Names{}
	}
	return e.Names
}

// ErrUnknown says that a match or target, or its revision, is not one that
// this package decodes.
var ErrUnknown = errors.New("unknown extension")

// Unknown is a match or target that could not be decoded, kept as it was read.
type Unknown struct {
	Extension string // the kernel's name
	Revision  uint8
	Raw       []byte // its private data
}

// Name is the kernel's name of the extension.
func (u Unknown) Name() string { return u.Extension }

// AppendSave appends revision and data in brackets, as in
// "[revision 2: 0a00ff]"; no tool takes that back, but it hides nothing.
func (u Unknown) AppendSave(dst []byte) []byte {
	return fmt.Appendf(dst, " [revision %d: %x]", u.Revision, u.Raw)
}

// form is one layout of a match's or target's data.
type form[T any] struct {
	rev    uint8
	family ruleset.Family // 0 for any
	size   int            // how many bytes of the struct decode reads
	decode func(b info, e Env) T
}

// DecodeMatch reads a match's data as it stands in a table of legacy iptables
// or in the attribute NFTA_MATCH_INFO of nf_tables. What it does not know comes
// as an [Unknown] with an error that wraps [ErrUnknown]; the Match is never nil.
func DecodeMatch(name string, rev uint8, data []byte, e Env) (Match, error) {
	f, err := formOf(matchForms[name], rev, data, e)
	if err != nil {
		return Unknown{name, rev, data}, fmt.Errorf("match %s: %w", name, err)
	}
	return f.decode(data, e), nil
}

// DecodeTarget is as [DecodeMatch] for targets and NFTA_TARGET_INFO.
func DecodeTarget(name string, rev uint8, data []byte, e Env) (Target, error) {
	f, err := formOf(targetForms[name], rev, data, e)
	if err != nil {
		return Unknown{name, rev, data}, fmt.Errorf("target %s: %w", name, err)
	}
	return f.decode(data, e), nil
}

func formOf[T any](forms []form[T], rev uint8, data []byte, e Env) (*form[T], error) {
	for i := range forms {
		f := &forms[i]
		if f.rev != rev || f.family != 0 && f.family != e.Family {
			continue
		}
		if len(data) < f.size {
			return nil, fmt.Errorf("%w: revision %d has %d bytes of %d", ErrUnknown, rev, len(data), f.size)
		}
		return f, nil
	}
	return nil, fmt.Errorf("%w: revision %d of family %s", ErrUnknown, rev, e.Family)
}

// match is [DecodeMatch] without an allocation for the name.
func (p part) match(e Env) Match {
	f, err := formOf(matchForms[string(p.name)], p.rev, p.data, e)
	if err != nil {
		return p.unknown()
	}
	return f.decode(p.data, e)
}

// decode is [DecodeTarget] without an allocation for the name.
func (p part) decode(e Env) Target {
	f, err := formOf(targetForms[string(p.name)], p.rev, p.data, e)
	if err != nil {
		return p.unknown()
	}
	return f.decode(p.data, e)
}

func (p part) unknown() Unknown { return Unknown{string(p.name), p.rev, slices.Clone(p.data)} }
