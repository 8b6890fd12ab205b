package iptnft

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/nft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// attr is one netlink attribute: its number, and its bytes or what is in it.
func attr(n uint16, of ...any) []byte {
	var data []byte
	for _, o := range of {
		switch o := o.(type) {
		case int:
			data = binary.BigEndian.AppendUint32(data, uint32(int32(o)))
		case uint16:
			data = binary.BigEndian.AppendUint16(data, o)
		case uint64:
			data = binary.BigEndian.AppendUint64(data, o)
		case string:
			data = append(data, o...)
		case []byte:
			data = append(data, o...)
		}
	}
	return wire.AppendAttr(nil, n, data)
}

// one is an expression in a list.
func one(name string, attrs ...any) []byte {
	return attr(listElem, attr(exprName, name+"\x00"), attr(exprData, attrs...))
}

func value(n uint16, data string) []byte { return attr(n, attr(dataValue, data)) }

func load(base, offset, length int) []byte {
	return one("payload", attr(payloadDreg, 1), attr(payloadBase, base), attr(payloadOffset, offset), attr(payloadLen, length))
}

func meta(key int) []byte { return one("meta", attr(metaKey, key), attr(metaDreg, 1)) }

func mask(bits string) []byte {
	return one("bitwise", attr(bitwiseSreg, 1), attr(bitwiseDreg, 1), value(bitwiseMask, bits), value(bitwiseXor, strings.Repeat("\x00", len(bits))))
}

func compare(op operator, data string) []byte {
	return one("cmp", attr(cmpSreg, 1), attr(cmpOp, int(op)), value(cmpData, data))
}

func within(op operator, from, to string) []byte {
	return one("range", attr(rangeSreg, 1), attr(rangeOp, int(op)), value(rangeFrom, from), value(rangeTo, to))
}

func counted(packets, bytes uint64) []byte { return one("counter", attr(1, bytes), attr(2, packets)) }

func decides(code int, chain string) []byte {
	v := attr(verdictCode, code)
	if chain != "" {
		v = append(v, attr(verdictChain, chain+"\x00")...)
	}
	return one("immediate", attr(immediateDreg, 0), attr(immediateData, attr(dataVerdict, v)))
}

func loads(data string) []byte {
	return one("immediate", attr(immediateDreg, 9), value(immediateData, data))
}

func sets(key int) []byte { return one("meta", attr(metaKey, key), attr(metaSreg, 9)) }

func proto(n string) []byte { return append(meta(metaL4Proto), compare(equal, n)...) }

func list(exprs ...[]byte) (all []byte) {
	for _, e := range exprs {
		all = append(all, e...)
	}
	return all
}

// message adds an NFT_MSG_* message to what is read.
func message(n *nft.Native, kind uint16, fam ruleset.Family, attrs ...any) bool {
	return n.Take(wire.Message{Type: 10<<8 | kind, Family: uint8(fam), Attrs: attr(0, attrs...)[wire.AttrHeaderLen:]})
}

// filter is a table with INPUT, the chain `user`, and rules in INPUT.
func filter(fam ruleset.Family, rules ...[]byte) *nft.Table {
	n := &nft.Native{}
	message(n, 0, fam, attr(1, "filter\x00"))
	message(n, 3, fam, attr(1, "filter\x00"), attr(3, "user\x00"))
	hook, priority := 1, 0
	if fam == ruleset.ARP {
		hook = 0
	}
	if fam == ruleset.Bridge {
		priority = -200
		message(n, 9, fam, attr(1, "filter\x00"), attr(2, "__set0\x00"), attr(3, 3), attr(4, 9), attr(5, 6))
		message(n, 12, fam, attr(1, "filter\x00"), attr(2, "__set0\x00"), attr(3, attr(1, attr(1, attr(dataValue, "\x02\x00\x00\x00\x00\x01")))))
	}
	message(n, 3, fam, attr(1, "filter\x00"), attr(3, "INPUT\x00"), attr(4, attr(1, hook), attr(2, priority)), attr(5, 0), attr(7, "filter\x00"),
		attr(8, attr(1, uint64(80)), attr(2, uint64(2))))
	for i, r := range rules {
		message(n, 6, fam, attr(1, "filter\x00"), attr(2, "INPUT\x00"), attr(3, uint64(i+5)), attr(4, r))
	}
	return n.Tables[0]
}

func TestTable(t *testing.T) {
	table, err := Table(filter(ruleset.IP, list(counted(7, 99), decides(verdictJump, "user"))), xt.Env{})
	if err != nil {
		t.Fatal(err)
	}
	want := "*filter\n:INPUT DROP [2:80]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:user - [0:0]\n" +
		"[7:99] -A INPUT -j user\nCOMMIT\n"
	if got := string(table.AppendSave(nil, true)); got != want {
		t.Errorf("%s", got)
	}
	if r := table.Chains[0].Rules[0]; r.Handle != 5 || r.Uncounted || table.Backend != ruleset.NFT {
		t.Errorf("%+v of a table of %s", r, table.Backend)
	}
	if table.Chains[0].Absent || !table.Chains[1].Absent || table.Chains[3].Absent {
		t.Error("FORWARD and OUTPUT are not in the kernel, and the others are")
	}
}

func TestRules(t *testing.T) {
	const v4, v6 = ruleset.IP, ruleset.IP6
	for _, c := range []struct {
		want string
		fam  ruleset.Family
		rule []byte
	}{
		{"-s 10.0.0.0/8", v4, list(load(1, 12, 1), compare(equal, "\x0a"))},
		{"! -d 10.1.2.3/32", v4, list(load(1, 16, 4), compare(notEqual, "\x0a\x01\x02\x03"))},
		{"-s 10.0.0.16/28", v4, list(load(1, 12, 4), mask("\xff\xff\xff\xf0"), compare(equal, "\x0a\x00\x00\x10"))},
		{"-s fd00::/16", v6, list(load(1, 8, 2), compare(equal, "\xfd\x00"))},
		{"-i eth0", v4, list(meta(metaIIFName), compare(equal, "eth0\x00"))},
		{"-i eth0", v4, list(meta(metaIIFName), compare(equal, "eth0"+strings.Repeat("\x00", 12)))},
		{"! -o eth+", v4, list(meta(metaOIFName), compare(notEqual, "eth"))},
		{"! -o +", v4, list(meta(metaOIFName), compare(equal, "INVAL/D\x00"))},
		{"", v4, meta(metaIIFName)}, // what older versions make of `-i +`
		{"-p tcp", v4, list(load(1, 9, 1), compare(equal, "\x06"))},
		{"! -p udp", v6, list(meta(metaL4Proto), compare(notEqual, "\x11"))},
		{"-f", v4, list(load(1, 6, 2), mask("\x1f\xff"), compare(notEqual, "\x00\x00"))},
		{"! -f", v4, list(load(1, 6, 2), mask("\x1f\xff"), compare(equal, "\x00\x00"))},
		{"-m ttl --ttl-lt 65", v4, list(load(1, 8, 1), compare(lessOrEqual, "\x40"))},
		{"-m hl ! --hl-eq 1", v6, list(load(1, 7, 1), compare(notEqual, "\x01"))},
		{"-p tcp -m tcp --sport 22 --dport 80", v4, list(proto("\x06"), load(2, 0, 4), compare(equal, "\x00\x16\x00\x50"))},
		{"-p udp -m udp ! --sport 22 ! --dport 80", v4, list(proto("\x11"), load(2, 0, 4), compare(notEqual, "\x00\x16\x00\x50"))},
		{"-p udp -m udp --dport 0:53", v6, list(proto("\x11"), load(2, 2, 2), compare(lessOrEqual, "\x00\x35"))},
		{"-p udp -m udp --dport 54:65535", v6, list(proto("\x11"), load(2, 2, 2), compare(greater, "\x00\x35"))},
		{"-p tcp -m tcp --dport 81:96", v4,
			list(proto("\x06"), load(2, 2, 2), compare(greater, "\x00\x50"), compare(lessOrEqual, "\x00\x60"))},
		{"-p tcp -m tcp ! --sport 1:9 --tcp-flags SYN,ACK SYN", v4,
			list(proto("\x06"), load(2, 0, 2), within(notEqual, "\x00\x01", "\x00\x09"), load(2, 13, 1), mask("\x12"), compare(equal, "\x02"))},
		{"-p icmp -m icmp --icmp-type 3/4", v4, list(proto("\x01"), load(2, 0, 2), compare(equal, "\x03\x04"))},
		{"-p ipv6-icmp -m icmp6 ! --icmpv6-type 128", v6, list(proto("\x3a"), load(2, 0, 1), compare(notEqual, "\x80"))},
		{"-m mark ! --mark 0x1/0xf", v4, list(meta(metaMark), mask(native(15)), compare(notEqual, native(1)))},
		{"-m pkttype --pkt-type broadcast", v4, list(meta(metaPktType), compare(equal, "\x01"))},
		{"-m limit --limit 5/min --limit-burst 7", v4, one("limit", attr(limitRate, uint64(5)), attr(limitUnit, uint64(60)), attr(limitBurst, 7))},
		{"-j NFLOG --nflog-prefix \"a b\" --nflog-group 3 --nflog-size 9 --nflog-threshold 2", v4,
			one("log", attr(logGroup, uint16(3)), attr(logPrefix, "a b\x00"), attr(logSnaplen, 9), attr(logThreshold, uint16(2)))},
		{"-j TRACE", v4, list(loads("\x01"), sets(metaTrace))},
		{"-j MARK --set-xmark 0x4/0xffffffff", v4, list(loads(native(4)), sets(metaMark))},
		{"-m later [revision 3: 0102]", v4, one("match", attr(xtName, "later\x00"), attr(xtRevision, 3), attr(xtInfo, "\x01\x02"))},
		{"-j CLASSIFY --set-class 0001:0002", v4, one("target", attr(xtName, "CLASSIFY\x00"), attr(xtRevision, 0), attr(xtInfo, native(0x10002)))},
		{"-g user", v4, decides(verdictGoto, "user")},
		{"-j RETURN", v4, decides(verdictReturn, "")},
		{"-j DROP", v4, decides(verdictDrop, "")},
	} {
		got, err := said(c.fam, c.rule)
		if want := strings.TrimSpace("-A INPUT " + c.want); err != nil || got != want {
			t.Errorf("%q, %v\n want %q", got, err, want)
		}
	}
}

func native(n uint32) string { return string(binary.NativeEndian.AppendUint32(nil, n)) }

// said is the text of a rule of the chain INPUT.
func said(fam ruleset.Family, rule []byte) (string, error) {
	table, err := Table(filter(fam, rule), xt.Env{})
	if err != nil {
		return "", err
	}
	return string(table.Chains[0].Rules[0].AppendSave(nil, "INPUT")), nil
}

// What iptables has no words for is an error that names the rule, never a rule
// that says less than there is.
func TestNotTold(t *testing.T) {
	for what, rule := range map[string][]byte{
		"lookup":            list(proto("\x06"), load(2, 2, 2), one("lookup", attr(1, "__set0\x00"), attr(2, 1))),
		"ct":                list(one("ct", attr(1, 1), attr(2, 0))),
		"after the verdict": list(decides(verdictAccept, ""), counted(0, 0)),
		"counter first":     list(counted(0, 0), proto("\x06"), decides(verdictAccept, "")),
		"no protocol":       list(load(2, 2, 2), compare(equal, "\x00\x50")),
		"other protocol":    list(meta(metaL4Proto), compare(notEqual, "\x06"), load(2, 2, 2), compare(equal, "\x00\x50")),
		"port twice":        list(proto("\x06"), load(2, 2, 2), compare(notEqual, "\x00\x50"), compare(less, "\x00\x60")),
		"no port at all":    list(proto("\x06"), load(2, 2, 2), compare(greater, "\x00\x60"), compare(less, "\x00\x50")),
		"protocol twice":    list(proto("\x06"), proto("\x11")),
		"address twice":     list(load(1, 12, 1), compare(equal, "\x0a"), load(1, 12, 2), compare(equal, "\x0a\x01")),
		"address below":     list(load(1, 12, 4), compare(less, "\x0a\x00\x00\x00")),
		"another field":     list(load(1, 1, 1), compare(equal, "\x10")),
		"link layer":        list(load(0, 6, 6), compare(equal, "\x02\x00\x00\x00\x00\x01")),
		"part of a port":    list(proto("\x06"), load(2, 2, 1), compare(equal, "\x00")),
		"a mask of ports":   list(proto("\x06"), load(2, 2, 2), mask("\xff\x00"), compare(equal, "\x01\x00")),
		"xor":               list(meta(metaMark), one("bitwise", attr(bitwiseSreg, 1), attr(bitwiseDreg, 1), value(bitwiseMask, native(1)), value(bitwiseXor, native(1))), compare(equal, native(1))),
		"shift":             list(meta(metaMark), one("bitwise", attr(bitwiseSreg, 1), attr(bitwiseDreg, 1), attr(bitwiseOp, 1), value(7, native(1))), compare(equal, native(1))),
		"interface number":  list(meta(4), compare(equal, native(1))),
		"a name in order":   list(meta(metaIIFName), compare(less, "eth0\x00")),
		"empty register":    compare(equal, "\x00"),
		"no register":       one("cmp", attr(cmpSreg, 99), attr(cmpOp, 0), value(cmpData, "\x00")),
		"log of the kernel": one("log", attr(logLevel, 4)),
		"limit of bytes":    one("limit", attr(limitRate, uint64(5)), attr(limitUnit, uint64(60)), attr(limitType, 1)),
		"limit above":       one("limit", attr(limitRate, uint64(5)), attr(limitUnit, uint64(60)), attr(limitFlags, 1)),
		"queue":             decides(3, ""),
		"trace off":         list(loads("\x00"), sets(metaTrace)),
		"priority":          list(loads(native(1)), sets(2)),
		"odd revision":      one("match", attr(xtName, "tcp\x00"), attr(xtRevision, 256), attr(xtInfo, "")),
	} {
		got, err := said(ruleset.IP, rule)
		if err == nil || !strings.HasPrefix(err.Error(), "table ip filter: chain INPUT: rule 1 (handle 5): ") {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
}

func TestTablesNotTold(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*nft.Table)
	}{
		{"of this family", func(t *nft.Table) { t.Family = ruleset.Netdev }},
		{"of that name", func(t *nft.Table) { t.Name = "mine" }},
		{"dormant", func(t *nft.Table) { t.Flags = 1 }},
		{"a chain such as INPUT", func(t *nft.Table) { chainOf(t, "INPUT").Priority = -1 }},
		{"a chain such as INPUT", func(t *nft.Table) { chainOf(t, "INPUT").Type = "" }},
		{"a chain such as INPUT", func(t *nft.Table) { chainOf(t, "user").Name = "INPUT" }},
		{"a chain such as user", func(t *nft.Table) { chainOf(t, "user").Type = "filter" }},
		{"a chain such as user", func(t *nft.Table) { chainOf(t, "user").Flags = 4 }},
		{"read from text", func(t *nft.Table) { chainOf(t, "INPUT").Rules = []*nft.Rule{{}} }},
	} {
		table := filter(ruleset.IP)
		c.change(table)
		if _, err := Table(table, xt.Env{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

func chainOf(t *nft.Table, name string) *nft.Chain {
	for _, c := range t.Chains {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func TestWords(t *testing.T) {
	names := &xt.Names{DeviceGroup: map[uint32]string{5: "uplinks"}}
	group := native(1) + native(5) + native(^uint32(0)) + native(0) + native(0)
	for _, c := range []struct {
		want string
		x    nft.XT
	}{
		{"-m devgroup --src-group uplinks", nft.XT{Name: "devgroup", Info: []byte(group)}},
		{"-j MARK --set-xmark 0x1/0xff", nft.XT{Target: true, Name: "MARK", Revision: 2, Info: []byte(native(1) + native(255))}},
		{"-m later [revision 9: 01]", nft.XT{Name: "later", Revision: 9, Info: []byte{1}}},
		{"", nft.XT{Name: "later", Revision: 256}},
	} {
		if got := WordsOf(names)(ruleset.IP, &c.x); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	seen := nft.XT{Target: true, Name: "nflog", Info: append([]byte(native(0)+native(3)+native(0)+"seen"), make([]byte, 60)...)}
	if got := Words(ruleset.Bridge, &seen); got != `--nflog-prefix "seen" --nflog-group 3 --nflog-threshold 0` {
		t.Errorf("%q of a watcher of ebtables", got)
	}
	if got := Words(ruleset.IP, &nft.XT{Name: "devgroup", Info: []byte(group)}); got != "-m devgroup --src-group 0x5" {
		t.Errorf("%q without names", got)
	}
}

// Two negated ports in one comparison let pass what differs in one of them.
func TestNotBothPorts(t *testing.T) {
	table, err := Table(filter(ruleset.IP, list(proto("\x06"), load(2, 0, 4), compare(notEqual, "\x00\x16\x00\x50"))), xt.Env{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		sport, dport uint64
		want         ruleset.Truth
	}{{22, 80, ruleset.No}, {22, 81, ruleset.Yes}, {23, 80, ruleset.Yes}, {23, 81, ruleset.Yes}} {
		facts := ruleset.Facts{
			ruleset.L4Proto:    {ruleset.Only(ruleset.Number(6))},
			ruleset.SourcePort: {ruleset.Only(ruleset.Number(c.sport))},
			ruleset.DestPort:   {ruleset.Only(ruleset.Number(c.dport))},
		}
		got := ruleset.Yes
		for _, condition := range table.Chains[0].Rules[0].Conditions(ruleset.IP, nil) {
			got = min(got, condition.Judge(facts))
		}
		if got != c.want {
			t.Errorf("port %d to %d: %d, want %d", c.sport, c.dport, got, c.want)
		}
	}
}

func TestFrames(t *testing.T) {
	among := one("lookup", attr(lookupSet, "__set0\x00"), attr(lookupSreg, 1), attr(lookupFlags, 1))
	source := load(0, 6, 6)
	for _, c := range []struct {
		want string
		rule []byte
	}{
		{"-p IPv4 -i eth+ --logical-in ! br0 -o lo --logical-out br+ -j CONTINUE", list(
			meta(metaIIFName), compare(equal, "eth"), meta(metaBridgeIn), compare(notEqual, "br0\x00"),
			meta(metaOIFName), compare(equal, "lo\x00"), meta(metaBridgeOut), compare(equal, "br"),
			load(0, 12, 2), compare(equal, "\x08\x00"))},
		{"-p ! Length -s Multicast -d BGA -j DROP", list(
			load(0, 6, 6), mask("\x01\x00\x00\x00\x00\x00"), compare(equal, "\x01\x00\x00\x00\x00\x00"),
			load(0, 0, 6), compare(equal, "\x01\x80\xc2\x00\x00\x00"),
			load(0, 12, 2), compare(greaterOrEqual, "\x06\x00"), counted(0, 0), decides(verdictDrop, ""))},
		{"-s ! 02:00:01:00:00:00/ff:ff:ff:00:00:00 -j CONTINUE", list(load(0, 6, 3), compare(notEqual, "\x02\x00\x01"))},
		{"--limit 1/sec --limit-burst 5 -j CONTINUE", one("limit", attr(limitRate, uint64(1)), attr(limitUnit, uint64(1)), attr(limitBurst, 5))},
		{"--among-src ! 2:0:0:0:0:1,2:0:0:0:0:2 -j CONTINUE", list(source, among)},
	} {
		got, err := framed(c.rule, "\x02\x00\x00\x00\x00\x02", "\x02\x00\x00\x00\x00\x01")
		if want := "-A INPUT " + c.want; err != nil || got != want {
			t.Errorf("%q, %v\n want %q", got, err, want)
		}
	}
	for what, rule := range map[string][]byte{
		"a map":            list(source, one("lookup", attr(lookupSet, "__set0\x00"), attr(lookupSreg, 1), attr(lookupDreg, 0))),
		"another set":      list(source, one("lookup", attr(lookupSet, "__set1\x00"), attr(lookupSreg, 1))),
		"no load":          among,
		"another load":     list(load(0, 12, 6), among),
		"twice":            list(source, among, source, among),
		"IPv4 for nothing": list(meta(metaProtocol), compare(equal, "\x08\x00"), source, among),
		"another protocol": list(meta(metaProtocol), compare(equal, "\x86\xdd"), source, among),
		"addresses of IP":  list(load(1, 12, 4), compare(equal, "\x0a\x00\x00\x01")),
		"a type below":     list(load(0, 12, 2), compare(less, "\x08\x00")),
		"ports":            list(load(2, 0, 2), within(equal, "\x00\x01", "\x00\x02")),
		"the mark":         list(meta(metaMark), compare(equal, native(1))),
	} {
		if got, err := framed(rule, "\x02\x00\x00\x00\x00\x02"); err == nil {
			t.Errorf("%s: %q", what, got)
		}
	}
}

// framed is the text of a rule of ebtables, beside a set of these keys.
func framed(rule []byte, keys ...string) (string, error) {
	n, fam := &nft.Native{}, ruleset.Bridge
	message(n, 0, fam, attr(1, "filter\x00"))
	message(n, 3, fam, attr(1, "filter\x00"), attr(3, "INPUT\x00"), attr(4, attr(1, 1), attr(2, -200)), attr(5, 1), attr(7, "filter\x00"))
	message(n, 9, fam, attr(1, "filter\x00"), attr(2, "__set0\x00"), attr(3, 3), attr(4, 9), attr(5, 6))
	var elems []byte
	for _, k := range keys {
		elems = append(elems, attr(1, attr(1, attr(dataValue, k)))...)
	}
	message(n, 12, fam, attr(1, "filter\x00"), attr(2, "__set0\x00"), attr(3, elems))
	message(n, 6, fam, attr(1, "filter\x00"), attr(2, "INPUT\x00"), attr(3, uint64(5)), attr(4, rule))
	table, err := Table(n.Tables[0], xt.Env{})
	if err != nil {
		return "", err
	}
	table.Model(true, nil)
	return string(table.Chains[0].Rules[0].AppendSave(nil, "INPUT")), nil
}
