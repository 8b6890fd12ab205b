package stale

import (
	"net/netip"
	"testing"

	"github.com/pktrail/pktrail/conntrack"
)

// natted is an entry whose source is translated to an address.
func natted(id uint32, to string, timeout uint32, status conntrack.Status) *conntrack.Flow {
	f := flow(id, udp, "198.51.100.7:9999", "198.51.100.7:9999", timeout, status|conntrack.SrcNAT)
	f.Reply.Dst = netip.MustParseAddr(to)
	return f
}

func counted(f *conntrack.Flow, sent, answered uint64) *conntrack.Flow {
	c := f.Clone()
	c.Has |= conntrack.HasCountersOrig | conntrack.HasCountersReply
	c.CountersOrig.Packets, c.CountersReply.Packets = sent, answered
	return c
}

func TestSourceGone(t *testing.T) {
	here := netip.MustParseAddr("192.0.2.1")
	opt := Options{Local: func(a netip.Addr) bool { return a == here }}
	known := facts()
	known.Targets = ReadTargets(saved(t, "*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -j SNAT --to-source 192.0.2.50-192.0.2.60\nCOMMIT\n"), nil)
	known.Local = opt.Local
	open, answered := conntrack.Status(0), conntrack.SeenReply
	for name, c := range map[string]struct {
		first, then *conntrack.Flow
		facts       Facts
		want        Certainty
	}{
		"never answered":      {natted(1, "192.0.2.2", 29, open), natted(1, "192.0.2.2", 29, open), known, Certain},
		"unheeded":            {counted(natted(1, "192.0.2.2", 100, answered), 5, 5), counted(natted(1, "192.0.2.2", 119, answered), 9, 5), known, Certain},
		"answered once":       {natted(1, "192.0.2.2", 100, answered), natted(1, "192.0.2.2", 119, answered), known, Suspect},
		"answered still":      {counted(natted(1, "192.0.2.2", 100, answered), 5, 5), counted(natted(1, "192.0.2.2", 119, answered), 9, 9), known, ""},
		"not renewed":         {natted(1, "192.0.2.2", 100, answered), natted(1, "192.0.2.2", 95, answered), known, ""},
		"here":                {natted(1, "192.0.2.1", 100, answered), natted(1, "192.0.2.1", 119, answered), known, ""},
		"of a rule":           {natted(1, "192.0.2.55", 100, answered), natted(1, "192.0.2.55", 119, answered), known, ""},
		"rules are not known": {natted(1, "192.0.2.2", 100, answered), natted(1, "192.0.2.2", 119, answered), facts(), ""},
	} {
		s := look(opt, []*conntrack.Flow{c.first}, []*conntrack.Flow{c.then})
		r := s.Judge(c.facts)
		if c.want == "" {
			if len(r.Findings) != 0 || s.Stale(c.then, true) {
				t.Errorf("%s: %+v", name, r.Findings)
			}
			continue
		}
		if len(r.Findings) != 1 || r.Findings[0].Kind != SourceGone || r.Findings[0].Certainty != c.want || r.Findings[0].Entries != 1 || r.Followed != 1 {
			t.Fatalf("%s: %+v", name, r)
		}
		want := Commands{Pktrail: "pktrail ct delete --nat snat --reply-dst 192.0.2.2", Conntrack: "conntrack -D --src-nat=192.0.2.2"}
		if got := r.Findings[0].Delete; got != want || r.Findings[0].Source.String() != "192.0.2.2" {
			t.Errorf("%s: %+v", name, got)
		}
		if s.Stale(c.then, false) != (c.want == Certain) || !s.Stale(c.then, true) {
			t.Errorf("%s: deletes %v, with the suspected %v", name, s.Stale(c.then, false), s.Stale(c.then, true))
		}
	}
	unknown := look(opt, []*conntrack.Flow{natted(1, "192.0.2.2", 100, answered)}, []*conntrack.Flow{natted(1, "192.0.2.2", 119, answered)}).Judge(facts())
	if len(unknown.NotJudged) != 1 || unknown.NotJudged[0].Entries != 1 {
		t.Errorf("%+v", unknown.NotJudged)
	}
}

// TestToldOnce: an entry that hurts for its source is no other finding's too.
func TestToldOnce(t *testing.T) {
	opt := Options{Pile: 3, Local: func(netip.Addr) bool { return false }}
	var all []*conntrack.Flow
	for id := range uint32(6) {
		f := natted(id, "192.0.2.2", 100, 0)
		if id%2 == 0 {
			f = flow(id, tcp, "198.51.100.8:80", "198.51.100.8:80", 100, conntrack.SrcNAT)
			f.Reply.Dst, f.TCP.State = netip.MustParseAddr("192.0.2.2"), conntrack.TCPSynSent
		}
		all = append(all, f)
	}
	known := facts()
	known.Targets = ReadTargets(nil, nil)
	s := look(opt, all, all)
	if r := s.Judge(known); len(r.Findings) != 1 || r.Findings[0].Entries != 6 || r.Stale() != 6 {
		t.Errorf("%+v", r.Findings)
	}
	for _, f := range all {
		if !s.Stale(f, false) {
			t.Errorf("%d is not deleted", f.ID)
		}
	}
}
