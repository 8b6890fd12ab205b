package xt

import "github.com/pktrail/pktrail/ruleset"

// EbtNAT rewrites a hardware address, snat or dnat, and then ends
// (include/uapi/linux/netfilter_bridge/ebt_nat.h).
type EbtNAT struct {
	Word string
	Addr [6]byte
	Ends int32 // EBT_*; of snat with NAT_ARP_BIT where ARP is left as it is
}

const ebtKeepARP = 0x10 // NAT_ARP_BIT

func ebtNAT(word string) func(info, Env) Target {
	return func(b info, _ Env) Target { return EbtNAT{word, b.mac(0), int32(b.u32(8))} }
}

// Name is "snat" or "dnat".
func (t EbtNAT) Name() string { return t.Word }

// AppendSave implements [Target].
func (t EbtNAT) AppendSave(dst []byte) []byte {
	if t.Word == "dnat" {
		dst = mac(append(ebtOption(dst, "to-dst", false), ' '), t.Addr)
		return bare(ebtOption(dst, "dnat-target", false), ebtVerdict(t.Ends))
	}
	dst = mac(append(ebtOption(dst, "to-src", false), ' '), t.Addr)
	if t.Ends&ebtKeepARP == 0 {
		dst = ebtOption(dst, "snat-arp", false)
	}
	return bare(ebtOption(dst, "snat-target", false), ebtVerdict(t.Ends))
}

func (t EbtNAT) affect(e *ruleset.Effect, _ ruleset.Family) { ebtEnds(e, t.Ends) }

// parseEbtNAT reads the options of snat and of dnat, of which each has its own.
func parseEbtNAT(a *arguments, _ Env) Target {
	t := EbtNAT{Ends: -1}
	a.plain(func(g given) bool {
		switch g.name {
		case "to-src", "to-source":
			t.Word, t.Addr = "snat", a.wholeMAC(g)
		case "to-dst", "to-destination":
			t.Word, t.Addr = "dnat", a.wholeMAC(g)
		case "snat-arp":
			t.Ends &^= ebtKeepARP
			return a.flag(g)
		case "snat-target", "dnat-target":
			t.Ends = t.Ends&^0xf | a.ebtVerdict(g)&0xf
		default:
			return false
		}
		return true
	})
	if t.Word == "" && a.err == nil {
		a.err = errMissing("the address to write")
	}
	return t
}

// EbtRedirect sends the frame up to the host, and then ends
// (include/uapi/linux/netfilter_bridge/ebt_redirect.h).
type EbtRedirect struct{ Ends int32 }

func decodeEbtRedirect(b info, _ Env) Target { return EbtRedirect{int32(b.u32(0))} }

// Name is "redirect".
func (EbtRedirect) Name() string { return "redirect" }

// AppendSave implements [Target]; ebtables leaves a blank where it says nothing.
func (t EbtRedirect) AppendSave(dst []byte) []byte {
	if t.Ends == -1 {
		return append(dst, ' ')
	}
	return bare(ebtOption(dst, "redirect-target", false), ebtVerdict(t.Ends))
}

func (t EbtRedirect) affect(e *ruleset.Effect, _ ruleset.Family) { ebtEnds(e, t.Ends) }

func parseEbtRedirect(a *arguments, _ Env) Target {
	t := EbtRedirect{Ends: -1}
	a.plain(func(g given) bool {
		t.Ends = a.ebtVerdict(g)
		return g.name == "redirect-target"
	})
	return t
}

// EbtARPReply answers a request of ARP, and then ends
// (include/uapi/linux/netfilter_bridge/ebt_arpreply.h).
type EbtARPReply struct {
	Addr [6]byte
	Ends int32
}

func decodeEbtARPReply(b info, _ Env) Target { return EbtARPReply{b.mac(0), int32(b.u32(8))} }

// Name is "arpreply".
func (EbtARPReply) Name() string { return "arpreply" }

// AppendSave implements [Target].
func (t EbtARPReply) AppendSave(dst []byte) []byte {
	dst = mac(append(ebtOption(dst, "arpreply-mac", false), ' '), t.Addr)
	if t.Ends == -2 {
		return dst
	}
	return bare(ebtOption(dst, "arpreply-target", false), ebtVerdict(t.Ends))
}

func parseEbtARPReply(a *arguments, _ Env) Target {
	t := EbtARPReply{Ends: -2}
	a.plain(func(g given) bool {
		switch g.name {
		case "arpreply-mac":
			t.Addr = a.wholeMAC(g)
		case "arpreply-target":
			t.Ends = a.ebtVerdict(g)
		default:
			return false
		}
		return true
	})
	return t
}

// ebtVerdict reads what a target ends with.
func (a *arguments) ebtVerdict(g given) int32 {
	return -1 - int32(a.word(g, a.text(g), "ACCEPT,DROP,CONTINUE,RETURN"))
}

// affect: packets that are no request go on (net/bridge/netfilter/ebt_arpreply.c).
func (EbtARPReply) affect(e *ruleset.Effect, _ ruleset.Family) { e.Verdict = ruleset.Unknown }
