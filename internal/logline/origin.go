package logline

import "strings"

// Origin is what a prefix tells of the rule that logged.
type Origin struct {
	Tool   string // the program that wrote the rule: ufw, firewalld, shorewall…; empty when the prefix has no known form
	Chain  string // as the tool names it; empty when the prefix does not tell
	Action string // DROP, REJECT, ACCEPT, BLOCK, ALLOW, LIMIT, AUDIT, DENY, LOG, or what NAT does; empty when not told
}

// OriginOf recognises the prefixes of tools that write rules, and in any other
// prefix the words that name what happens to the packet. It judges the text
// alone: a rule may do something else than its prefix says. ok is false when
// the prefix tells nothing.
func OriginOf(prefix string) (o Origin, ok bool) {
	text := strings.TrimSpace(prefix)
	for _, known := range [...]func(string) (Origin, bool){
		ufw, firewalld, shorewall, calico, suse, openwrt3, openwrt4, vyatta, fwbuilder, ipfire,
	} {
		if o, ok = known(text); ok {
			return o, true
		}
	}
	o = Origin{Chain: chainIn(text), Action: actionIn(text)}
	return o, o.Action != ""
}

// ufw: `[UFW BLOCK] ` and its like (ufw's backend_iptables.py), and what the
// ufw-docker rules add to them.
func ufw(text string) (o Origin, ok bool) {
	inner, ok := bracketed(text, "[UFW ")
	if !ok {
		return o, false
	}
	o.Tool = "ufw"
	if rest, docker := strings.CutPrefix(inner, "DOCKER "); docker {
		return Origin{"ufw-docker", "ufw-docker-logging-deny", rest}, true
	}
	switch inner {
	case "LIMIT BLOCK":
		o.Chain, o.Action = "ufw-user-limit", "BLOCK"
	case "AUDIT INVALID":
		o.Action = "AUDIT"
	default:
		o.Action = actionIn(inner)
	}
	return o, o.Action != ""
}

func bracketed(text, open string) (inner string, ok bool) {
	if inner, ok = strings.CutPrefix(text, open); !ok {
		return "", false
	}
	return strings.CutSuffix(inner, "]")
}

// firewalld: the chain's name and what its end does (core/nftables.py,
// core/ipXtables.py), and the rules that stand in no zone.
func firewalld(text string) (o Origin, ok bool) {
	name, ok := strings.CutSuffix(text, ":")
	if !ok || strings.ContainsAny(name, " :") {
		return o, false
	}
	chain, action, ok := cutLastString(name, "_")
	if !ok || !isAction(action) {
		return o, false
	}
	switch chain {
	case "STATE_INVALID", "FINAL", "RFC3964_IPv4":
		return Origin{Tool: "firewalld", Action: action}, true
	case "rpfilter":
		return Origin{"firewalld", "rpfilter", action}, true
	}
	zone := strings.TrimPrefix(chain, "filter_")
	for _, hook := range [...]string{"IN_", "FWD_", "FWDI_", "FWDO_", "OUT_", "PRE_", "POST_"} {
		if strings.HasPrefix(zone, hook) && len(zone) > len(hook) {
			return Origin{"firewalld", chain, action}, true
		}
	}
	return o, false
}

func cutLastString(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// shorewall: `Shorewall:chain:ACTION:`, with the rule's number between them
// where LOGRULENUMBERS asks for it (shorewall.conf: LOGFORMAT).
func shorewall(text string) (o Origin, ok bool) {
	fields := strings.Split(text, ":")
	if len(fields) < 4 || fields[0] != "Shorewall" && fields[0] != "Shorewall6" {
		return o, false
	}
	o.Tool, o.Chain, o.Action = "shorewall", fields[1], fields[2]
	if !isAction(o.Action) && len(fields) > 4 && isAction(fields[3]) {
		o.Action = fields[3]
	}
	return o, true
}

// calico: Felix's `calico-packet: ` of a rule that says Log, and `calico-drop: `.
func calico(text string) (o Origin, ok bool) {
	switch {
	case strings.HasPrefix(text, "calico-drop"):
		return Origin{Tool: "calico", Action: "DROP"}, true
	case strings.HasPrefix(text, "calico-packet"):
		return Origin{Tool: "calico", Action: "LOG"}, true
	}
	return o, false
}

// suse: SuSEfirewall2's `SFW2-INext-DROP-DEFLT `, of which the first part names
// the chain input_ext.
func suse(text string) (o Origin, ok bool) {
	parts := strings.Split(text, "-")
	if len(parts) < 3 || parts[0] != "SFW2" {
		return o, false
	}
	o = Origin{Tool: "SuSEfirewall2", Action: parts[2]}
	switch parts[2] {
	case "ACC":
		o.Action = "ACCEPT"
	case "REJ":
		o.Action = "REJECT"
	case "ILL":
		o.Action = "DROP"
	}
	for _, chain := range [...]struct{ part, name string }{{"FWD", "forward_"}, {"IN", "input_"}, {"OUT", "output_"}} {
		if zone, is := strings.CutPrefix(parts[1], chain.part); is {
			if o.Chain = strings.TrimSuffix(chain.name, "_"); zone != "" {
				o.Chain = chain.name + zone
			}
			break
		}
	}
	return o, true
}

// openwrt3: fw3's `DROP(src wan)`, which stands in the chain zone_wan_src_DROP.
func openwrt3(text string) (o Origin, ok bool) {
	action, rest, ok := strings.Cut(text, "(")
	if !ok || !isAction(action) {
		return o, false
	}
	inner, ok := strings.CutSuffix(rest, ")")
	direction, zone, two := strings.Cut(inner, " ")
	if !ok || !two || direction != "src" && direction != "dest" {
		return o, false
	}
	return Origin{"openwrt", "zone_" + zone + "_" + direction + "_" + action, action}, true
}

// openwrt4: fw4's `reject wan in: ` (templates/zone-verdict.uc), `… forward: `
// and `… invalid ct state: `.
func openwrt4(text string) (o Origin, ok bool) {
	words := strings.Fields(strings.TrimSuffix(text, ":"))
	if len(words) < 3 || !strings.HasSuffix(text, ":") {
		return o, false
	}
	verdict, zone, where := words[0], words[1], strings.Join(words[2:], " ")
	if verdict != "drop" && verdict != "reject" {
		return o, false
	}
	o = Origin{Tool: "openwrt", Action: strings.ToUpper(verdict)}
	switch where {
	case "in":
		o.Chain = verdict + "_from_" + zone
	case "out":
		o.Chain = verdict + "_to_" + zone
	case "forward":
		o.Chain = "forward_" + zone
	case "invalid ct state":
		o.Chain = "accept_to_" + zone
	default:
		return Origin{}, false
	}
	return o, true
}

// vyatta: `[CHAIN-RULE-A]` of VyOS, EdgeOS and UniFi gateways, whose last letter
// is the action, `[NAT-1-DNAT]`, `[DST-NAT-1]`, and UniFi's newer `[CHAIN-D-RULE]`,
// which a description may follow.
func vyatta(text string) (o Origin, ok bool) {
	inner, after, ok := strings.Cut(strings.TrimPrefix(text, "["), "]")
	if !ok || text[0] != '[' || after != "" && !strings.HasPrefix(after, "DESCR=") {
		return o, false
	}
	if rule, nat := cutAny(inner, "DST-NAT-", "SRC-NAT-"); nat && isDigits(strings.TrimSuffix(rule, "-MASQ")) {
		return Origin{"vyatta", inner[:len("DST-NAT")], map[byte]string{'D': "DNAT", 'S': "SNAT"}[inner[0]]}, true
	}
	before, last, ok := cutLastString(inner, "-")
	chain, rule, three := cutLastString(before, "-")
	if !ok || !three || chain == "" {
		return o, false
	}
	if isDigits(last) {
		rule, last = last, rule
	}
	action := vyattaAction(last)
	if action == "" || !isDigits(rule) && !strings.EqualFold(rule, "default") {
		return o, false
	}
	return Origin{"vyatta", chain, action}, true
}

func vyattaAction(letter string) string {
	switch letter {
	case "A":
		return "ACCEPT"
	case "D":
		return "DROP"
	case "R":
		return "REJECT"
	case "RET":
		return "RETURN"
	case "DNAT", "SNAT", "MASQ":
		return letter
	}
	return ""
}

func cutAny(s string, prefixes ...string) (rest string, ok bool) {
	for _, prefix := range prefixes {
		if rest, ok = strings.CutPrefix(s, prefix); ok {
			return rest, true
		}
	}
	return s, false
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// fwbuilder: Firewall Builder's `RULE 10 -- DENY ` in the chain RULE_10.
func fwbuilder(text string) (o Origin, ok bool) {
	rest, ok := strings.CutPrefix(text, "RULE ")
	number, action, two := strings.Cut(rest, " -- ")
	if !ok || !two || !isAction(action) {
		return o, false
	}
	return Origin{"fwbuilder", "RULE_" + number, action}, true
}

// ipfire: the two of its chains that have prefixes of their own (its
// initscript firewall); the others, such as `DROP_INPUT `, are everybody's.
func ipfire(text string) (o Origin, ok bool) {
	switch text {
	case "DROP_NEWNOTSYN":
		return Origin{"ipfire", "NEWNOTSYN", "DROP"}, true
	case "DROP_TCP Scan", "DROP_UDP Scan", "DROP_ICMP Scan", "DROP_FRAG Scan":
		return Origin{"ipfire", "PSCAN", "DROP"}, true
	}
	return o, false
}
