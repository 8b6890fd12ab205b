package nft

import (
	"net/netip"
	"strings"
	"time"
)

// value prints a value by its type (src/datatype.c: datatype_print).
func (p *printer) value(t *term) {
	for typ := t.typ; typ != nil; typ = typ.base {
		if typ.print != nil {
			typ.print(p, t)
			return
		}
		if typ.names != nil {
			p.named(t, typ.names)
			return
		}
	}
	printInteger(p, t)
}

func (p *printer) named(t *term, names []symbol) {
	if !p.numeric && t.val.IsUint64() {
		for _, s := range names {
			if s.value == t.val.Uint64() {
				p.s(s.name)
				return
			}
		}
	}
	printInteger(p, t)
}

// quoted prints a host's own name for a value, in quotes.
func (p *printer) quoted(t *term, names map[uint64]string) {
	if name, ok := names[t.uint()]; ok && !p.numeric {
		p.q(name)
		return
	}
	printInteger(p, t)
}

func printInteger(p *printer, t *term) {
	for typ := t.typ; typ != nil; typ = typ.base {
		if typ.hex == 0 {
			continue
		}
		p.s("0x")
		digits := t.val.Text(16)
		p.s(strings.Repeat("0", max(0, typ.hex-len(digits))))
		p.s(digits)
		return
	}
	p.b = t.val.Append(p.b, 10)
}

func printInvalid(p *printer, t *term) {
	p.s("0x")
	p.b = t.val.Append(p.b, 16)
	p.s(" [invalid type]")
}

// text is a string: its bytes come first to last in host byte order.
func (t *term) text() string {
	b := t.bytes()
	out := make([]byte, 0, len(b))
	for i := len(b) - 1; i >= 0 && b[i] != 0; i-- {
		out = append(out, b[i])
	}
	return string(out)
}

func printString(p *printer, t *term) { p.q(t.text()) }

func printLLAddr(p *printer, t *term) {
	const digits = "0123456789abcdef"
	for i, c := range t.bytes() {
		if i > 0 {
			p.s(":")
		}
		p.b = append(p.b, digits[c>>4], digits[c&15])
	}
}

func printAddr(p *printer, t *term) {
	b := t.val.FillBytes(make([]byte, max(bytesOf(t.typ.bits), bytesOf(t.val.BitLen()))))
	a, ok := netip.AddrFromSlice(b)
	if !ok {
		printInteger(p, t)
		return
	}
	p.s(addrText(a))
}

// addrText is as glibc's inet_ntop writes: it shows the IPv4 part also of
// addresses that are compatible with IPv4.
func addrText(a netip.Addr) string {
	b := a.As16()
	if !a.Is6() || a.Is4In6() || [12]byte(b[:12]) != [12]byte{} || b[12] == 0 && b[13] == 0 {
		return a.String()
	}
	return "::" + netip.AddrFrom4([4]byte(b[12:])).String()
}

func printProto(p *printer, t *term) {
	names := p.style.Names.Protocols
	if p.numeric {
		printInteger(p, t)
		return
	}
	p.protoName(uint64(uint8(t.uint())), names)
}

func (p *printer) protoName(n uint64, names map[uint64]string) {
	name, ok := names[n]
	if names == nil {
		name, ok = protocolName(n)
	}
	if ok {
		p.s(name)
	} else {
		p.n(n)
	}
}

func printTime(p *printer, t *term) {
	if p.numeric {
		p.n(t.uint() / 1000)
		p.s("s")
		return
	}
	p.duration(t.uint())
}

// duration prints milliseconds (src/datatype.c: time_print).
func (p *printer) duration(ms uint64) {
	for _, unit := range []struct {
		ms   uint64
		name string
	}{{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}} {
		if n := ms / unit.ms; n > 0 {
			p.n(n)
			p.s(unit.name)
			ms %= unit.ms
		}
	}
}

func printMark(p *printer, t *term)     { p.quoted(t, p.style.Names.Marks) }
func printRealm(p *printer, t *term)    { p.quoted(t, p.style.Names.Realms) }
func printDevGroup(p *printer, t *term) { p.quoted(t, p.style.Names.Groups) }

func printIfIndex(p *printer, t *term) {
	index := uint32(t.uint())
	if p.style.Names.Link != nil {
		if name := p.style.Names.Link(index); name != "" {
			p.q(name)
			return
		}
	}
	p.i(int64(int32(index)))
}

func printClassID(p *printer, t *term) {
	switch h := t.uint() & 0xffffffff; h {
	case 0xffffffff:
		p.s("root")
	case 0:
		p.s("none")
	default:
		p.x(h >> 16)
		p.s(":")
		p.x(h & 0xffff)
	}
}

func printCTLabel(p *printer, t *term) {
	bit := firstOne(t.val)
	if name, ok := p.style.Names.Labels[uint64(bit)]; ok {
		p.q(name)
		return
	}
	p.n(uint64(bit))
}

func printDate(p *printer, t *term) {
	at := time.Unix(int64(t.uint()/1e9), 0).In(p.style.Now.Location())
	p.q(at.Format("2006-01-02 15:04:05"))
}

func printDay(p *printer, t *term) {
	if day := t.uint(); day < 7 && !p.numeric {
		p.q(time.Weekday(day).String())
		return
	}
	printInteger(p, t)
}

// printHour: the kernel compares seconds of the day in UTC.
func printHour(p *printer, t *term) {
	_, offset := p.style.Now.Zone()
	day := (int64(uint32(t.uint())) + int64(offset)) % 86400
	if day < 0 {
		day += 86400
	}
	layout := "15:04:05"
	if day%60 == 0 {
		layout = "15:04"
	}
	p.q(time.Unix(day, 0).UTC().Format(layout))
}

func printCgroup(p *printer, t *term) {
	if p.style.Names.Cgroup != nil {
		if path := p.style.Names.Cgroup(t.uint()); path != "" {
			p.q(path)
			return
		}
	}
	p.n(t.uint())
}

// Verdicts (include/uapi/linux/netfilter/nf_tables.h: enum nft_verdicts).
const (
	verdictContinue = -1
	verdictBreak    = -2
	verdictJump     = -3
	verdictGoto     = -4
	verdictReturn   = -5
)

func printVerdict(p *printer, t *term) {
	switch t.verdict {
	case verdictContinue:
		p.s("continue")
	case verdictBreak:
		p.s("break")
	case verdictJump:
		p.s("jump " + t.chain)
	case verdictGoto:
		p.s("goto " + t.chain)
	case verdictReturn:
		p.s("return")
	default:
		p.kernelVerdict(t.verdict)
	}
}

// kernelVerdict is one of netfilter itself; the upper bits hold its argument.
func (p *printer) kernelVerdict(v int32) {
	words := [...]string{"drop", "accept", "stolen", "queue"}
	if i := v & 0xff; int(i) < len(words) {
		p.s(words[i])
		return
	}
	p.s("unknown verdict value ")
	p.n(uint64(uint32(v)))
}
