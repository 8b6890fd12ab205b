package xt

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// ARPMangle writes addresses into an ARP packet, and then ends
// (include/uapi/linux/netfilter_arp/arpt_mangle.h).
type ARPMangle struct {
	Source, Dest       netip.Addr // invalid where they stay
	SourceMAC, DestMAC [6]byte
	Flags              uint8 // ARPT_MANGLE_*
	Ends               int32 // NF_DROP, NF_ACCEPT or XT_CONTINUE
}

const (
	mangleSourceMAC = 1 // ARPT_MANGLE_SDEV
	mangleDestMAC   = 2 // ARPT_MANGLE_TDEV
	mangleSource    = 4 // ARPT_MANGLE_SIP
	mangleDest      = 8 // ARPT_MANGLE_TIP
)

func decodeARPMangle(b info, _ Env) Target {
	t := ARPMangle{SourceMAC: b.mac(0), DestMAC: b.mac(16), Flags: b.u8(40), Ends: int32(b.u32(44))}
	if t.Flags&mangleSource != 0 {
		t.Source = b.addr(32, ip4)
	}
	if t.Flags&mangleDest != 0 {
		t.Dest = b.addr(36, ip4)
	}
	return t
}

// Name is "mangle".
func (ARPMangle) Name() string { return "mangle" }

// AppendSave implements [Target].
func (t ARPMangle) AppendSave(dst []byte) []byte {
	if t.Source.IsValid() {
		dst = t.Source.AppendTo(append(dst, " --mangle-ip-s "...))
	}
	if t.Flags&mangleSourceMAC != 0 {
		dst = mac(append(dst, " --mangle-mac-s "...), t.SourceMAC)
	}
	if t.Dest.IsValid() {
		dst = t.Dest.AppendTo(append(dst, " --mangle-ip-d "...))
	}
	if t.Flags&mangleDestMAC != 0 {
		dst = mac(append(dst, " --mangle-mac-d "...), t.DestMAC)
	}
	word, _ := t.ends()
	switch word {
	case "ACCEPT":
		return dst
	case "":
		word = strconv.Itoa(int(t.Ends))
	}
	return bare(append(dst, " --mangle-target"...), word)
}

// ends is arptables' word for the end, empty for one that the kernel does not take.
func (t ARPMangle) ends() (word string, v ruleset.Verdict) {
	switch t.Ends {
	case 0:
		return "DROP", ruleset.Drop
	case 1:
		return "ACCEPT", ruleset.Accept
	case -1:
		return "CONTINUE", ruleset.Continue
	}
	return "", ruleset.Unknown
}

func (t ARPMangle) affect(e *ruleset.Effect, _ ruleset.Family) {
	_, e.Verdict = t.ends()
	e.Rewrites = t.Flags != 0
}

// ARPMark is [TargetMark] in the words of arptables.
type ARPMark struct{ TargetMark }

func decodeARPMark(b info, e Env) Target { return ARPMark{decodeMarkTarget(b, e).(TargetMark)} }

// AppendSave implements [Target]. --set-mark of arptables 1.8.9 toggles the bits of
// its number and clears none, that of 1.8.10 clears the others; both print the
// number alone (extensions/libxt_MARK.c: mark_tg_arp_save).
func (t ARPMark) AppendSave(dst []byte) []byte {
	switch {
	case t.Mark == 0:
		return padded(append(dst, " --and-mark "...), ^t.Mask, 1)
	case t.Mark == t.Mask:
		return padded(append(dst, " --or-mark "...), t.Mark, 1)
	case t.Mask == 0, t.Mask == ^uint32(0):
		return padded(append(dst, " --set-mark "...), t.Mark, 1)
	}
	return t.TargetMark.AppendSave(dst)
}

// ARPClassify is [TargetClassify] in the words of arptables.
type ARPClassify struct{ TargetClassify }

func decodeARPClassify(b info, e Env) Target {
	return ARPClassify{decodeClassify(b, e).(TargetClassify)}
}

// AppendSave implements [Target].
func (t ARPClassify) AppendSave(dst []byte) []byte {
	dst = padded(append(dst, " --set-class "...), t.Priority>>16, 1)
	return padded(append(dst, ':'), t.Priority&0xffff, 1)
}

func parseARPMangle(a *arguments, e Env) Target {
	t := ARPMangle{Ends: 1}
	a.plain(func(g given) bool {
		switch g.name {
		case "mangle-ip-s":
			t.Source, t.Flags = a.addr(g, a.text(g), e), t.Flags|mangleSource
		case "mangle-ip-d":
			t.Dest, t.Flags = a.addr(g, a.text(g), e), t.Flags|mangleDest
		case "mangle-mac-s":
			t.SourceMAC, t.Flags = a.wholeMAC(g), t.Flags|mangleSourceMAC
		case "mangle-mac-d":
			t.DestMAC, t.Flags = a.wholeMAC(g), t.Flags|mangleDestMAC
		case "mangle-target":
			t.Ends = int32(a.word(g, a.text(g), "CONTINUE,DROP,ACCEPT")) - 1
		default:
			return false
		}
		return true
	})
	return t
}

// parseARPMark: the numbers are to base 16. --set-mark is that of 1.8.10.
func parseARPMark(a *arguments, _ Env) Target {
	var t TargetMark
	a.plain(func(g given) bool {
		if g.name == "set-xmark" {
			t.Mark, t.Mask = a.masked(g)
			return true
		}
		n := uint32(a.numberOf(g, a.text(g), 16, 32))
		switch g.name {
		case "set-mark":
			t = TargetMark{n, ^uint32(0)}
		case "and-mark":
			t = TargetMark{0, ^n}
		case "or-mark":
			t = TargetMark{n, n}
		default:
			return false
		}
		return true
	})
	return ARPMark{t}
}

func parseARPClassify(a *arguments, _ Env) Target {
	var t TargetClassify
	a.plain(func(g given) bool {
		major, minor, _ := strings.Cut(a.text(g), ":")
		t.Priority = uint32(a.numberOf(g, major, 16, 16))<<16 | uint32(a.numberOf(g, minor, 16, 16))
		return g.name == "set-class"
	})
	return ARPClassify{t}
}
