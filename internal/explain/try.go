package explain

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/ruleset"
)

// try is what to look at next. No command of it changes anything.
func try(j *journey.Journey, d int) []string {
	var cmds []string
	switch {
	case d >= 0 && j.Steps[d].Rule != nil && ends(j.Outcome.Result):
		cmds = aboutDecision(j, d)
	case j.Outcome.Result == journey.ResultUnknown:
		cmds = aboutRoad(j)
	case j.Outcome.Result == journey.Delivered:
		cmds = aboutSocket(j)
	}
	return tidy(cmds, enter(j))
}

// tidy puts the namespace before each command and keeps each once. A line with
// a control character, which a chain's name may hold, is none to paste.
func tidy(cmds []string, prefix string) []string {
	var kept []string
	for _, c := range cmds {
		if !strings.HasPrefix(c, "#") {
			c = prefix + c
		}
		if !slices.Contains(kept, c) && !strings.ContainsFunc(c, unicode.IsControl) {
			kept = append(kept, c)
		}
	}
	return kept
}

func ends(r journey.Result) bool {
	return r == journey.Dropped || r == journey.Rejected || r == journey.Queued
}

// aboutDecision shows the chain that decided, and what its rule looked at.
func aboutDecision(j *journey.Journey, d int) []string {
	s := &j.Steps[d]
	cmds := []string{showChain(s)}
	readers := []int{d}
	callers := Callers(j.Steps)
	for c := callers[d]; c >= 0; c = callers[c] {
		readers = append(readers, c)
	}
	slices.Reverse(readers)
	looksAtCT := false
	for _, r := range readers {
		step := &j.Steps[r]
		looksAtCT = looksAtCT || step.Rule.Effect.ReadsCT
		for _, set := range step.Rule.Effect.ReadsSets {
			cmds = append(cmds, showSet(step, set))
		}
	}
	if looksAtCT {
		cmds = append(cmds, showFlow(j)...)
	}
	switch {
	case j.Outcome.Result == journey.Queued:
		cmds = append(cmds, "cat /proc/net/netfilter/nfnetlink_queue")
	case s.Kind == journey.KindPolicy && !mayBeRule(s):
		cmds = append(cmds, "# should it pass, chain "+s.Rule.Chain+" misses a rule that accepts "+trafficWords(j, d))
	}
	return cmds
}

// showChain lists the chain of a step with the tool of its own world.
func showChain(s *journey.Step) string {
	r := s.Rule
	tool := ""
	switch {
	case r.Backend == ruleset.Legacy && s.Family == "ip6":
		tool = "ip6tables-legacy"
	case r.Backend == ruleset.Legacy:
		tool = "iptables-legacy"
	case r.Dialect == ruleset.Iptables && s.Family == "ip":
		tool = "iptables-nft"
	case r.Dialect == ruleset.Iptables && s.Family == "ip6":
		tool = "ip6tables-nft"
	default:
		return strings.Join([]string{"nft -a list chain", s.Family, quote(r.Table), quote(r.Chain)}, " ")
	}
	return fmt.Sprintf("%s -t %s -L %s -n -v --line-numbers", tool, quote(r.Table), quote(r.Chain))
}

// showSet lists a set or map that a rule looks up. An nft map shows in the
// rule's text as `map @name` or `vmap @name`.
func showSet(s *journey.Step, name string) string {
	if s.Rule.Dialect == ruleset.Iptables {
		return "ipset list " + quote(name)
	}
	what := "set"
	if strings.Contains(s.Rule.Text, "map @"+name) {
		what = "map"
	}
	return strings.Join([]string{"nft list", what, s.Family, quote(s.Rule.Table), quote(name)}, " ")
}

// showFlow finds the packet's conntrack entry by the addresses that it had at
// first, which are those of the entry's original or of its reply direction.
func showFlow(j *journey.Journey) []string {
	p := &j.Packet
	if !p.Src.IsValid() || !p.Dst.IsValid() {
		return nil
	}
	names := [4]string{"-s", "-d", "--sport", "--dport"}
	if isReply(j) {
		names = [4]string{"--reply-src", "--reply-dst", "--reply-port-src", "--reply-port-dst"}
	}
	cmd := "conntrack -L"
	if p.Src.Is6() {
		cmd += " -f ipv6"
	}
	ports := p.SrcPort != nil && p.DstPort != nil && (p.Proto == "tcp" || p.Proto == "udp" || p.Proto == "sctp")
	if ports {
		cmd += " -p " + p.Proto
	}
	cmd += fmt.Sprintf(" %s %s %s %s", names[0], p.Src, names[1], p.Dst)
	if ports {
		cmd += fmt.Sprintf(" %s %d %s %d", names[2], *p.SrcPort, names[3], *p.DstPort)
	}
	return []string{cmd}
}

func isReply(j *journey.Journey) bool {
	return slices.ContainsFunc(j.Steps, func(s journey.Step) bool { return s.CT != nil && s.CT.Direction == "reply" })
}

// trafficWords is what a rule would have to match at step n, in words.
func trafficWords(j *journey.Journey, n int) string {
	t := tupleAt(j, n)
	words := "it"
	if j.Packet.Proto != "" {
		words = j.Packet.Proto
	}
	if t.src.IsValid() {
		words += " from " + t.src.String()
	}
	if t.dst.IsValid() {
		words += " to " + t.dst.String()
	}
	if t.dport != nil {
		words += " port " + strconv.Itoa(int(*t.dport))
	}
	return words
}

// aboutRoad asks the kernel where it would send a packet that was lost sight of.
func aboutRoad(j *journey.Journey) []string {
	s := lastSeen(j)
	t := tupleAt(j, len(j.Steps))
	if s == nil || !t.dst.IsValid() || s.Family == "bridge" || s.Family == "netdev" || s.Family == "arp" {
		return nil
	}
	in := ""
	for i := range j.Steps {
		if j.Steps[i].In != "" {
			in = j.Steps[i].In
		}
	}
	switch s.Hook {
	case ruleset.Prerouting, ruleset.Ingress, ruleset.Forward:
		return append([]string{routeGet(t, in)}, forwardSettings(t.dst, in)...)
	case ruleset.Input:
		return aboutSocket(j)
	case ruleset.Output, ruleset.Postrouting:
		return []string{routeGet(t, ""), "ip neigh show to " + t.dst.String()}
	}
	return nil
}

func routeGet(t tuple, in string) string {
	cmd := "ip route get " + t.dst.String()
	if t.dst.Is6() {
		cmd = "ip -6 route get " + t.dst.String()
	}
	if t.src.IsValid() && !t.src.IsUnspecified() {
		cmd += " from " + t.src.String()
	}
	if in != "" && in != "lo" {
		cmd += " iif " + quote(in)
	}
	if t.mark != 0 {
		cmd += fmt.Sprintf(" mark %#x", t.mark)
	}
	return cmd
}

// forwardSettings reads the settings that let a packet vanish between prerouting and forward.
func forwardSettings(dst netip.Addr, in string) []string {
	if dst.Is6() {
		return []string{"sysctl net/ipv6/conf/all/forwarding"}
	}
	cmd := "sysctl net/ipv4/ip_forward net/ipv4/conf/all/rp_filter"
	if in != "" {
		cmd += " " + quote("net/ipv4/conf/"+in+"/rp_filter")
	}
	return []string{cmd}
}

// aboutSocket shows who listens, for a packet that opens or is a conversation of its own.
func aboutSocket(j *journey.Journey) []string {
	t := tupleAt(j, len(j.Steps))
	if t.dport == nil {
		return nil
	}
	switch {
	case j.Packet.Proto == "tcp" && j.Packet.TCP != nil && j.Packet.TCP.Flags == "S":
		return []string{fmt.Sprintf("ss -ltnp 'sport = :%d'", *t.dport)}
	case j.Packet.Proto == "udp" && !isReply(j) && j.ArmedFrom != "reply":
		return []string{fmt.Sprintf("ss -lunp 'sport = :%d'", *t.dport)}
	}
	return nil
}

// enter is what runs a command in the journey's namespace: nothing for the one
// that pktrail itself is in.
func enter(j *journey.Journey) string {
	if j.Netns != nil {
		return enterCommand(j.Netns)
	}
	for i := range j.Steps {
		if ns := j.Steps[i].Netns; ns != nil {
			return enterCommand(ns)
		}
	}
	return ""
}

func enterCommand(ns *journey.Netns) string {
	pid, isPID := strings.CutPrefix(ns.Name, "pid ")
	switch {
	case ns.Name == "" || ns.Name == "host" || ns.Name == "self":
		return ""
	case isPID:
		return "nsenter -t " + quote(pid) + " -n "
	case strings.Contains(ns.Name, "/"):
		return "nsenter --net=" + quote(ns.Name) + " "
	}
	return "ip netns exec " + quote(ns.Name) + " "
}

// quote makes a name that the host chose safe to paste into a shell.
func quote(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:@%+=,", r)
	}
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool { return !plain(r) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
