package xt

import (
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// judgeTarget fills in the verdict and what the target does.
func (r *rule) judgeTarget(isChain func(string) bool) {
	e, name := &r.e, r.target.name
	e.Target = name
	switch {
	case name == "":
		e.Verdict = ruleset.Continue
		return
	case r.goesTo:
		e.Verdict = ruleset.Goto
		return
	case isChain != nil && isChain(name):
		e.Verdict = ruleset.Jump
		return
	}
	if v, ok := standard(name); ok {
		e.Verdict = v
		e.Bare = r.matchless
		return
	}
	v, known := verdictOf(name)
	e.Verdict = v
	if !known && isChain == nil {
		e.Verdict = ruleset.Jump
		return
	}
	e.NAT = natOf(name)
	r.judgeSideEffects()
}

// standard returns the verdicts that are no extension of their own.
func standard(name string) (ruleset.Verdict, bool) {
	switch name {
	case "ACCEPT":
		return ruleset.Accept, true
	case "DROP":
		return ruleset.Drop, true
	case "RETURN":
		return ruleset.Return, true
	case "QUEUE":
		return ruleset.Queue, true
	}
	return "", false
}

// verdictOf returns what an extension's target function returns in the kernel
// (net/netfilter/xt_*.c); Unknown where that depends on the packet.
func verdictOf(target string) (v ruleset.Verdict, known bool) {
	switch target {
	case "REJECT":
		return ruleset.Reject, true
	case "NFQUEUE":
		return ruleset.Queue, true
	case "SNAT", "DNAT", "MASQUERADE", "REDIRECT", "NETMAP":
		return ruleset.Accept, true
	case "TPROXY", "SYNPROXY", "CLUSTERIP":
		return ruleset.Unknown, true
	case "LOG", "NFLOG", "ULOG", "TRACE", "AUDIT", "LED", "IDLETIMER", "RATEEST", "TEE",
		"MARK", "CONNMARK", "HMARK", "CLASSIFY", "SECMARK", "CONNSECMARK", "CT", "NOTRACK", "SET",
		"TCPMSS", "TCPOPTSTRIP", "TOS", "DSCP", "TTL", "HL", "ECN", "CHECKSUM", "DNPT", "SNPT":
		return ruleset.Continue, true
	}
	return ruleset.Unknown, false
}

// natOf is the translation that a target asks for.
func natOf(target string) ruleset.NAT {
	switch target {
	case "SNAT":
		return ruleset.SNAT
	case "DNAT":
		return ruleset.DNAT
	case "MASQUERADE":
		return ruleset.Masquerade
	case "REDIRECT":
		return ruleset.Redirect
	case "NETMAP":
		return ruleset.Netmap
	case "TPROXY":
		return ruleset.TProxy
	}
	return ""
}

func (r *rule) judgeSideEffects() {
	e, t := &r.e, r.target
	switch t.name {
	case "REJECT":
		e.RejectWith = rejectWith(t.value("--reject-with"), r.fam)
	case "MARK", "HMARK":
		e.SetsMark = true
	case "CONNMARK":
		e.SetsMark = t.has("--restore-mark")
		e.ReadsCT = t.has("--restore-mark")
		e.ReadsMark = t.has("--save-mark")
	case "TPROXY":
		e.SetsMark = t.has("--tproxy-mark")
	case "NOTRACK":
		e.NoTrack = true
	case "CT":
		e.NoTrack = t.has("--notrack")
		zones := t.values("--zone")
		zones = append(append(zones, t.values("--zone-orig")...), t.values("--zone-reply")...)
		for _, z := range zones {
			e.ReadsMark = e.ReadsMark || z == "mark"
		}
	case "SET":
		e.WritesSets = append(t.values("--add-set"), t.values("--del-set")...)
		e.ReadsSets = append(e.ReadsSets, t.values("--map-set")...)
		e.SetsMark = t.has("--map-mark")
	}
}

// rejectWith turns iptables' words for an answer into nft's; a word that
// neither has is kept.
func rejectWith(word string, fam ruleset.Family) string {
	if word == "tcp-reset" || word == "tcp-rst" {
		return "tcp-reset"
	}
	if fam == ruleset.IP6 {
		return rejectWith6(strings.TrimPrefix(word, "icmp6-"))
	}
	switch word = strings.TrimPrefix(word, "icmp-"); word {
	case "", "port-unreach":
		word = "port-unreachable"
	case "net-unreach", "host-unreach":
		word += "able"
	case "proto-unreach", "proto-unreachable":
		word = "prot-unreachable"
	case "net-prohib", "host-prohib":
		word += "ited"
	case "admin-prohib":
		word = "admin-prohibited"
	}
	return "icmp-" + word
}

func rejectWith6(word string) string {
	switch word {
	case "", "port-unreach":
		word = "port-unreachable"
	case "adm-prohibited":
		word = "admin-prohibited"
	case "addr-unreach":
		word = "addr-unreachable"
	}
	return "icmpv6-" + word
}
