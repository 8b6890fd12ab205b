package conntrack_test

import (
	"testing"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/packet"
)

type tupleFields = conntrack.TupleFields

func partial(proto uint8, has tupleFields, src string) conntrack.Tuple {
	t := conntrack.Tuple{Proto: proto, Has: has, SrcPort: 40000, DstPort: 80, ICMPType: 8, ICMPID: 7}
	if src != "" {
		t.Src = addr(src)
	}
	return t
}

// TestInKernel: what is left to the kernel alone is only what it compares, and
// compares right.
func TestInKernel(t *testing.T) {
	const proto, dport = conntrack.HasProto, conntrack.HasProto | conntrack.HasDstPort
	v4 := func(tuple conntrack.Tuple) conntrack.Filter {
		return conntrack.Filter{Family: packet.IPv4, Orig: tuple}
	}
	for name, c := range map[string]struct {
		f          conntrack.Filter
		any, exact bool
	}{
		"all":                       {conntrack.Filter{}, false, true},
		"family":                    {conntrack.Filter{Family: packet.IPv6}, true, true},
		"zone":                      {conntrack.Filter{HasZone: true}, true, true},
		"mark and status":           {conntrack.Filter{MarkMask: 1, StatusMask: conntrack.Assured}, true, true},
		"IPv4 address":              {conntrack.Filter{Orig: partial(0, 0, "10.0.0.1")}, true, true},
		"IPv6 address":              {conntrack.Filter{Orig: partial(0, 0, "2001:db8::1")}, true, false},
		"IPv6 address in the reply": {conntrack.Filter{Orig: partial(6, dport, ""), Reply: partial(0, 0, "2001:db8::1")}, true, false},
		"address of another family": {conntrack.Filter{Family: packet.IPv6, Orig: partial(0, 0, "10.0.0.1")}, true, false},
		"TCP port":                  {v4(partial(packet.ProtoTCP, dport, "")), true, true},
		"TCP port, any family":      {conntrack.Filter{Orig: partial(packet.ProtoTCP, dport, "")}, false, false},
		"SCTP port":                 {v4(partial(packet.ProtoSCTP, dport, "")), true, false},
		"GRE key":                   {v4(partial(packet.ProtoGRE, dport, "")), true, false},
		"any protocol's port":       {v4(partial(0, conntrack.HasDstPort, "")), true, false},
		"ICMP":                      {v4(partial(packet.ProtoICMP, proto|conntrack.HasICMP, "")), true, true},
		"ICMP type of TCP":          {v4(partial(packet.ProtoTCP, proto|conntrack.HasICMPType, "")), true, false},
		"zone of one direction":     {v4(partial(packet.ProtoTCP, proto|conntrack.HasTupleZone, "")), true, false},
		"something else":            {conntrack.Filter{Family: packet.IPv4, Also: func(*conntrack.Flow) bool { return true }}, true, false},
	} {
		if got := c.f.InKernel(); got.Any != c.any || got.Exact != c.exact {
			t.Errorf("%s: %+v, want any %v exact %v", name, got, c.any, c.exact)
		}
	}
}

func TestMatch(t *testing.T) {
	base := func() *conntrack.Flow {
		f := everything()
		f.Orig.Has |= conntrack.HasTupleZone
		f.Orig.Zone, f.Has, f.Status = 4, f.Has&^conntrack.HasZone, conntrack.SeenReply|conntrack.Confirmed
		return f
	}
	never := func(*conntrack.Flow) bool { return false }
	for name, c := range map[string]struct {
		f    conntrack.Filter
		want bool
	}{
		"all":              {conntrack.Filter{}, true},
		"family":           {conntrack.Filter{Family: packet.IPv4}, true},
		"other family":     {conntrack.Filter{Family: packet.IPv6}, false},
		"same tuples":      {conntrack.Filter{Orig: base().Orig, Reply: base().Reply}, true},
		"tuples exchanged": {conntrack.Filter{Orig: base().Reply}, false},
		"source":           {conntrack.Filter{Orig: partial(6, conntrack.HasProto|conntrack.HasPorts, "10.0.0.1")}, true},
		"another source":   {conntrack.Filter{Orig: partial(0, 0, "10.0.0.2")}, false},
		"another protocol": {conntrack.Filter{Orig: partial(17, conntrack.HasProto, "")}, false},
		"ICMP":             {conntrack.Filter{Orig: partial(1, conntrack.HasICMPType, "")}, false},
		"zone":             {conntrack.Filter{HasZone: true, Zone: 4}, true},
		"no zone":          {conntrack.Filter{HasZone: true}, false},
		"mark":             {conntrack.Filter{Mark: 0xffffbeef, MarkMask: 0xffff}, true},
		"another mark":     {conntrack.Filter{Mark: 1, MarkMask: 3}, false},
		"status":           {conntrack.Filter{Status: conntrack.SeenReply, StatusMask: conntrack.SeenReply | conntrack.Assured}, true},
		"another status":   {conntrack.Filter{Status: conntrack.Assured, StatusMask: conntrack.Assured}, false},
		"something else":   {conntrack.Filter{Also: never}, false},
	} {
		if got := c.f.Match(base()); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if !(&conntrack.Flow{}).InZone(0) || (&conntrack.Flow{Has: conntrack.HasZone, Zone: 1}).InZone(0) {
		t.Error("entries without a zone lie in zone 0, others not")
	}
}
