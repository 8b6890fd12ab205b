package arm

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/nfnetlink"
	"github.com/pktrail/pktrail/internal/nftexpr"
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset"
)

// deleteTable removes a table of ours; one that is gone already is no error.
func deleteTable(s *nfnetlink.Socket, f ruleset.Family, name string) error {
	b := nftexpr.NewBatch(f, name)
	b.DeleteTable()
	if err := b.Run(s); err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	return nil
}

// found is a table of ours as the kernel lists it.
type found struct {
	family ruleset.Family
	name   string
	data   []byte
	owned  bool
}

// sweep removes tables of ours whose process is gone. Tables with an owner
// vanish by themselves and are never touched.
func sweep(ns *netns.NS) ([]Repaired, error) {
	var done []Repaired
	err := ns.Do(func() error {
		s, err := nfnetlink.Open(0)
		if err != nil {
			return err
		}
		defer func() { _ = s.Close() }()
		tables, err := ownTables(s)
		if err != nil {
			return err
		}
		for _, t := range tables {
			d, err := t.sweep(s, ns)
			if err != nil {
				return err
			}
			done = append(done, d...)
		}
		return nil
	})
	return done, err
}

func (t *found) sweep(s *nfnetlink.Socket, ns *netns.NS) ([]Repaired, error) {
	if t.owned {
		return nil, nil
	}
	what := fmt.Sprintf("table %s in namespace %s", t.name, ns.Name)
	p, ok := parseIdentity(t.data)
	if !ok {
		return []Repaired{{What: what, Why: "it does not say who made it: look at it and delete it by hand"}}, nil
	}
	switch p.state() {
	case Running:
		return nil, nil
	case Invisible:
		return []Repaired{{What: what, Why: "its process is in another pid namespace and may run"}}, nil
	}
	return []Repaired{{What: what, Done: true}}, deleteTable(s, t.family, t.name)
}

func ownTables(s *nfnetlink.Socket) ([]found, error) {
	const (
		flagsAttr    = unix.NFTA_TABLE_FLAGS
		userdataAttr = 6 // NFTA_TABLE_USERDATA
	)
	var tables []found
	_, err := s.Dump("list tables", func(seq uint32) []byte {
		return wire.AppendMessage(nil, unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETTABLE, unix.NLM_F_REQUEST|unix.NLM_F_DUMP, seq, unix.AF_UNSPEC, 0, nil)
	}, func(m wire.Message) error {
		t := found{family: ruleset.Family(m.Family)}
		attrs := m.Attrs
		for a, ok := attrs.Next(); ok; a, ok = attrs.Next() {
			switch a.Type {
			case unix.NFTA_TABLE_NAME:
				t.name = string(a.Text())
			case flagsAttr:
				flags, _ := a.BE32()
				t.owned = nftexpr.TableFlags(flags)&nftexpr.Owner != 0
			case userdataAttr:
				t.data = append([]byte(nil), a.Data...)
			}
		}
		if strings.HasPrefix(t.name, TablePrefix) {
			tables = append(tables, t)
		}
		return nil
	})
	return tables, err
}
