package arm

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/packet"
)

// legacySpecs is MATCH as iptables takes it: rules of which one must hold, and no
// two can. iptables has no list of addresses, protocols, interfaces or types in
// one rule, so that a list becomes several; the other way round, none of a list,
// it cannot say in one, which is a *match.Error.
func legacySpecs(m *match.Match) ([][]string, error) {
	specs := [][]string{nil}
	parts, err := legacyParts(m)
	if err != nil {
		return nil, err
	}
	for _, alternatives := range parts {
		var next [][]string
		for _, spec := range specs {
			for _, a := range alternatives {
				next = append(next, slices.Concat(spec, a))
			}
		}
		specs = next
	}
	if len(specs) > maxLegacyRules {
		return nil, &match.Error{Arg: m.String(), Problem: fmt.Sprintf("is %d rules of iptables", len(specs)), Hint: fmt.Sprintf("shorten the lists to at most %d rules, or leave --legacy away", maxLegacyRules)}
	}
	return specs, nil
}

// maxLegacyRules bounds the rules of one point in one family.
const maxLegacyRules = 32

// legacyParts is the parts of MATCH, each as alternatives of which no two hold for one packet.
func legacyParts(m *match.Match) ([][][]string, error) {
	var parts [][][]string
	var first error
	add := func(alternatives [][]string, err error) {
		if err != nil && first == nil {
			first = err
		}
		if len(alternatives) > 0 {
			parts = append(parts, alternatives)
		}
	}
	add(alternatives("-p", m.Proto, func(p uint8) string { return fmt.Sprint(p) }))
	add(alternatives("-s", apart(m.Src, covers), netip.Prefix.String))
	add(alternatives("-d", apart(m.Dst, covers), netip.Prefix.String))
	add(alternatives("-i", apart(m.In, wilder), match.Iface.String))
	add(alternatives("-o", apart(m.Out, wilder), match.Iface.String))
	add(multiport("--sports", m.SrcPort))
	add(multiport("--dports", m.DstPort))
	add(multiport("--ports", m.AnyPort))
	add(legacyICMP(m))
	if f := m.TCPFlags; f != nil {
		if f.Mask&(packet.ECE|packet.CWR) != 0 {
			add(nil, &match.Error{Arg: "--tcp-flags", Problem: "iptables does not know the flags ECE and CWR", Hint: "leave them away, or leave --legacy away"})
		}
		add([][]string{negated([]string{"-m", "tcp"}, f.Not, "--tcp-flags", legacyFlags(f.Mask), legacyFlags(f.Comp))}, nil)
	}
	if k := m.Mark; k != nil {
		add([][]string{negated([]string{"-m", "mark"}, k.Not, "--mark", fmt.Sprintf("%#x/%#x", k.Value, k.Mask))}, nil)
	}
	return parts, first
}

func negated(before []string, not bool, words ...string) []string {
	if not {
		before = append(before, "!")
	}
	return append(before, words...)
}

// alternatives is one option with a value each.
func alternatives[T any](option string, set match.Set[T], text func(T) string) ([][]string, error) {
	if set.Not && len(set.Values) > 1 {
		return nil, &match.Error{Arg: "! " + option, Problem: "iptables cannot exclude a list in one rule", Hint: "name one value, or leave --legacy away"}
	}
	var all [][]string
	for _, v := range set.Values {
		all = append(all, negated(nil, set.Not, option, text(v)))
	}
	return all, nil
}

// apart leaves out the values that others cover, so that no packet meets two.
func apart[T comparable](set match.Set[T], covers func(wide, narrow T) bool) match.Set[T] {
	if set.Not {
		return set
	}
	kept := match.Set[T]{}
	for _, v := range set.Values {
		covered := func(wide T) bool { return wide != v && covers(wide, v) }
		if !slices.ContainsFunc(set.Values, covered) {
			kept.Values = append(kept.Values, v)
		}
	}
	return kept
}

func covers(wide, narrow netip.Prefix) bool {
	return wide.Bits() < narrow.Bits() && wide.Contains(narrow.Addr())
}

func wilder(wide, narrow match.Iface) bool {
	return wide.Wild && strings.HasPrefix(narrow.Name, wide.Name)
}

// multiportMost is how many ports one multiport match has; a range counts as two
// (include/uapi/linux/netfilter/xt_multiport.h: XT_MULTI_PORTS).
const multiportMost = 15

func multiport(option string, set match.Set[match.Range]) ([][]string, error) {
	if !set.Given() {
		return nil, nil
	}
	slots, texts := 0, make([]string, len(set.Values))
	for i, r := range set.Values {
		texts[i] = r.String()
		slots++
		if r.Lo != r.Hi {
			slots++
		}
	}
	if slots > multiportMost {
		return nil, &match.Error{Arg: option, Problem: fmt.Sprintf("iptables takes %d ports in one rule, a range as two", multiportMost), Hint: "shorten the list, or leave --legacy away"}
	}
	return [][]string{negated([]string{"-m", "multiport"}, set.Not, option, strings.Join(texts, ","))}, nil
}

func legacyICMP(m *match.Match) ([][]string, error) {
	module, option := "icmp", "--icmp-type"
	if m.Family == packet.IPv6 {
		module, option = "icmp6", "--icmpv6-type"
	}
	types := apart(m.ICMP, func(wide, narrow packet.ICMPType) bool { return wide.AnyCode && wide.Type == narrow.Type })
	all, err := alternatives(option, types, func(t packet.ICMPType) string {
		if t.AnyCode {
			return fmt.Sprint(t.Type)
		}
		return fmt.Sprintf("%d/%d", t.Type, t.Code)
	})
	for i := range all {
		all[i] = append([]string{"-m", module}, all[i]...)
	}
	return all, err
}

// legacyFlags is TCP flags in iptables' words, which has none for ECE and CWR.
func legacyFlags(f packet.TCPFlags) string {
	var names []string
	for i, name := range []string{"FIN", "SYN", "RST", "PSH", "ACK", "URG"} {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "NONE"
	}
	return strings.Join(names, ",")
}
