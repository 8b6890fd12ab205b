package nft

import (
	"math"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

func familyOf(word string) (ruleset.Family, bool) {
	switch word {
	case "ip":
		return ruleset.IP, true
	case "ip6":
		return ruleset.IP6, true
	case "inet":
		return ruleset.Inet, true
	case "arp":
		return ruleset.ARP, true
	case "bridge":
		return ruleset.Bridge, true
	case "netdev":
		return ruleset.Netdev, true
	}
	return 0, false
}

// parseBase reads `type T hook H [device D] priority P; [policy V;]`; ok when it
// is such a line. Its hook is empty when a part of it is not understood.
func parseBase(s string, fam ruleset.Family) (base *ruleset.Base, policy ruleset.Verdict, ok bool) {
	first, rest, _ := strings.Cut(s, ";")
	words := split(first)
	if len(words) < 4 || !words[0].is("type") || !words[2].is("hook") {
		return nil, "", false
	}
	base = &ruleset.Base{Type: words[1].text}
	at := 4
	for ; at < len(words) && !words[at].is("priority"); at++ {
		if w := words[at]; !isPunctuation(w) && !w.is("device") && !w.is("devices") {
			base.Device = append(base.Device, strings.TrimSuffix(w.text, ","))
		}
	}
	if at < len(words) {
		var known bool
		if base.Priority, known = priorityOf(words[at+1:], fam); known {
			base.Hook = hookOf(words[3].text)
		}
	}
	for part := range strings.SplitSeq(rest, ";") {
		if v, is := strings.CutPrefix(strings.TrimSpace(part), "policy "); is {
			policy = verdictOf(v)
		}
	}
	return base, policy, true
}

func isPunctuation(w word) bool { return w.is("=") || w.is("{") || w.is("}") }

func hookOf(word string) ruleset.Hook {
	switch h := ruleset.Hook(word); h {
	case ruleset.Ingress, ruleset.Prerouting, ruleset.Input, ruleset.Forward,
		ruleset.Output, ruleset.Postrouting, ruleset.Egress:
		return h
	}
	return ""
}

func verdictOf(word string) ruleset.Verdict {
	switch v := ruleset.Verdict(word); v {
	case ruleset.Accept, ruleset.Drop, ruleset.Queue:
		return v
	}
	return ruleset.Unknown
}

// priorityOf reads `-150`, `mangle` or `mangle + 10`.
func priorityOf(words []word, fam ruleset.Family) (priority int32, ok bool) {
	if len(words) == 0 {
		return 0, false
	}
	sum, ok := namedPriority(words[0].text, fam)
	if !ok {
		n, err := strconv.ParseInt(words[0].text, 10, 32)
		if err != nil {
			return 0, false
		}
		sum = n
	}
	if len(words) >= 3 {
		n, err := strconv.ParseInt(words[1].text+words[2].text, 10, 32)
		if err != nil {
			return 0, false
		}
		sum += n
	}
	return int32(sum), sum >= math.MinInt32 && sum <= math.MaxInt32
}

// namedPriority: nft's names for enum nf_ip_hook_priorities and nf_br_hook_priorities.
func namedPriority(name string, fam ruleset.Family) (int64, bool) {
	if fam == ruleset.Bridge {
		switch name {
		case "dstnat":
			return -300, true
		case "filter":
			return -200, true
		case "out":
			return 100, true
		case "srcnat":
			return 300, true
		}
		return 0, false
	}
	switch name {
	case "raw":
		return -300, true
	case "mangle":
		return -150, true
	case "dstnat":
		return -100, true
	case "filter":
		return 0, true
	case "security":
		return 50, true
	case "srcnat":
		return 100, true
	}
	return 0, false
}
