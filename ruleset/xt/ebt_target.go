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

// affect: packets that are no request go on (net/bridge/netfilter/ebt_arpreply.c).
func (EbtARPReply) affect(e *ruleset.Effect, _ ruleset.Family) { e.Verdict = ruleset.Unknown }
