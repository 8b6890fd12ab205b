package packet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// icmpName is a type, or one code of it, and its names: nft's first where nft
// has one, then iptables'.
type icmpName struct {
	typ   uint8
	code  int16 // anyCode for the type as a whole
	names string
}

const anyCode = -1

var icmpNames = [...]icmpName{
	{0, anyCode, "echo-reply pong"},
	{3, anyCode, "destination-unreachable"},
	{3, 0, "network-unreachable"},
	{3, 1, "host-unreachable"},
	{3, 2, "protocol-unreachable"},
	{3, 3, "port-unreachable"},
	{3, 4, "fragmentation-needed"},
	{3, 5, "source-route-failed"},
	{3, 6, "network-unknown"},
	{3, 7, "host-unknown"},
	{3, 9, "network-prohibited"},
	{3, 10, "host-prohibited"},
	{3, 11, "tos-network-unreachable"},
	{3, 12, "tos-host-unreachable"},
	{3, 13, "communication-prohibited"},
	{3, 14, "host-precedence-violation"},
	{3, 15, "precedence-cutoff"},
	{4, anyCode, "source-quench"},
	{5, anyCode, "redirect"},
	{5, 0, "network-redirect"},
	{5, 1, "host-redirect"},
	{5, 2, "tos-network-redirect"},
	{5, 3, "tos-host-redirect"},
	{8, anyCode, "echo-request ping"},
	{9, anyCode, "router-advertisement"},
	{10, anyCode, "router-solicitation"},
	{11, anyCode, "time-exceeded ttl-exceeded"},
	{11, 0, "ttl-zero-during-transit"},
	{11, 1, "ttl-zero-during-reassembly"},
	{12, anyCode, "parameter-problem"},
	{12, 0, "ip-header-bad"},
	{12, 1, "required-option-missing"},
	{13, anyCode, "timestamp-request"},
	{14, anyCode, "timestamp-reply"},
	{15, anyCode, "info-request"},
	{16, anyCode, "info-reply"},
	{17, anyCode, "address-mask-request"},
	{18, anyCode, "address-mask-reply"},
}

var icmpv6Names = [...]icmpName{
	{1, anyCode, "destination-unreachable"},
	{1, 0, "no-route"},
	{1, 1, "communication-prohibited"},
	{1, 2, "beyond-scope"},
	{1, 3, "address-unreachable"},
	{1, 4, "port-unreachable"},
	{1, 5, "failed-policy"},
	{1, 6, "reject-route"},
	{2, anyCode, "packet-too-big"},
	{3, anyCode, "time-exceeded ttl-exceeded"},
	{3, 0, "ttl-zero-during-transit"},
	{3, 1, "ttl-zero-during-reassembly"},
	{4, anyCode, "parameter-problem"},
	{4, 0, "bad-header"},
	{4, 1, "unknown-header-type"},
	{4, 2, "unknown-option"},
	{128, anyCode, "echo-request ping"},
	{129, anyCode, "echo-reply pong"},
	{130, anyCode, "mld-listener-query"},
	{131, anyCode, "mld-listener-report"},
	{132, anyCode, "mld-listener-done mld-listener-reduction"},
	{133, anyCode, "nd-router-solicit router-solicitation"},
	{134, anyCode, "nd-router-advert router-advertisement"},
	{135, anyCode, "nd-neighbor-solicit neighbour-solicitation neighbor-solicitation"},
	{136, anyCode, "nd-neighbor-advert neighbour-advertisement neighbor-advertisement"},
	{137, anyCode, "nd-redirect redirect"},
	{138, anyCode, "router-renumbering"},
	{141, anyCode, "ind-neighbor-solicit"},
	{142, anyCode, "ind-neighbor-advert"},
	{143, anyCode, "mld2-listener-report"},
}

func icmpTable(proto uint8) []icmpName {
	switch proto {
	case ProtoICMP:
		return icmpNames[:]
	case ProtoICMPv6:
		return icmpv6Names[:]
	}
	return nil
}

// ICMPName is nft's word for a type of ProtoICMP or ProtoICMPv6; empty for a
// type that has none.
func ICMPName(proto, typ uint8) string {
	return icmpNameOf(proto, typ, anyCode)
}

// ICMPCodeName is iptables' word for a type and code, such as
// "port-unreachable"; empty for a code that has none.
func ICMPCodeName(proto, typ, code uint8) string {
	return icmpNameOf(proto, typ, int16(code))
}

func icmpNameOf(proto, typ uint8, code int16) string {
	for _, n := range icmpTable(proto) {
		if n.typ == typ && n.code == code {
			name, _, _ := strings.Cut(n.names, " ")
			return name
		}
	}
	return ""
}

// ICMPType is a type and, unless AnyCode, one code of it.
type ICMPType struct {
	Type, Code uint8
	AnyCode    bool
}

// ParseICMPType reads a type of ProtoICMP or ProtoICMPv6 as iptables or nft
// write it: a name of either, whatever its case, a number, or type/code in
// numbers. As in iptables, the beginning of a name will do where only one name
// begins so.
func ParseICMPType(proto uint8, s string) (ICMPType, error) {
	if t, ok := numericICMPType(s); ok {
		return t, nil
	}
	want := strings.ToLower(s)
	var found []ICMPType
	for _, n := range icmpTable(proto) {
		t := ICMPType{Type: n.typ, Code: uint8(max(n.code, 0)), AnyCode: n.code == anyCode}
		names := strings.Fields(n.names)
		if slices.Contains(names, want) {
			return t, nil
		}
		begins := func(name string) bool { return want != "" && strings.HasPrefix(name, want) }
		if slices.ContainsFunc(names, begins) {
			found = append(found, t)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return ICMPType{}, fmt.Errorf("%s type %q: neither a known name nor TYPE or TYPE/CODE in numbers", ProtoName(proto), s)
	}
	return ICMPType{}, fmt.Errorf("%s type %q: more than one name begins so", ProtoName(proto), s)
}

func numericICMPType(s string) (ICMPType, bool) {
	typ, code, hasCode := strings.Cut(s, "/")
	t, err := strconv.ParseUint(typ, 0, 8)
	if err != nil {
		return ICMPType{}, false
	}
	if !hasCode {
		return ICMPType{Type: uint8(t), AnyCode: true}, true
	}
	c, err := strconv.ParseUint(code, 0, 8)
	return ICMPType{Type: uint8(t), Code: uint8(c)}, err == nil
}
