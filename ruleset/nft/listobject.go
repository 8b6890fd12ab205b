package nft

import (
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset"
)

// object prints an object that rules use by name (src/rule.c: obj_print_data).
func (p *printer) object(o *Object) {
	word := objectWord(o.Type)
	if word == "unknown" {
		p.s("\t" + word + " " + o.Name + " { # object of type ")
		p.n(uint64(o.Type))
		p.s("\n\t}\n")
		return
	}
	p.s("\t" + word + " " + o.Name + " {")
	p.handle(o.Handle)
	if o.Comment != "" {
		p.s("\n\t\tcomment ")
		p.q(o.Comment)
	}
	p.s("\n")
	p.objectData(o)
	p.s("\t}\n")
}

func (p *printer) objectData(o *Object) {
	f := &o.data
	switch o.Type {
	case objCounter:
		if !p.stateless {
			p.s("\t\tpackets ")
			p.n(f.u64(2))
			p.s(" bytes ")
			p.n(f.u64(1))
			p.s("\n")
		}
	case objQuota:
		p.s("\t\t")
		decodeQuota(f).(*Quota).printAmount(p)
		p.s("\n")
	case objLimit:
		p.s("\t\t")
		decodeLimit(f).(*Limit).printRate(p)
		p.s("\n")
	case objSecmark:
		p.s("\t\t")
		p.q(f.text(1))
		p.s("\n")
	case objCTHelper:
		p.s("\t\ttype ")
		p.q(f.text(1))
		p.s(" protocol ")
		p.protoName(uint64(f.u8(3)), p.style.Names.Protocols)
		p.l3proto(f.u16(2))
	case objCTTimeout:
		p.timeouts(f)
	case objCTExpect:
		p.expectation(f)
	case objSynproxy:
		p.synproxy(decodeSynproxy(f).(*Synproxy))
	}
}

func (p *printer) l3proto(n uint16) {
	p.s("\n\t\tl3proto ")
	switch fam := ruleset.Family(n); fam {
	case ruleset.IP, ruleset.IP6, ruleset.Inet, ruleset.Netdev, ruleset.ARP, ruleset.Bridge:
		p.s(fam.String())
	default:
		p.s("unknown")
	}
	p.s("\n")
}

// state is a state of a connection with the seconds that it lasts unless
// something else is said (CTA_TIMEOUT_TCP_*, CTA_TIMEOUT_UDP_*, from 1).
type state struct {
	name    string
	seconds uint32
}

func states(proto uint8) []state {
	switch proto {
	case protoTCPNum:
		return []state{{"syn_sent", 120}, {"syn_recv", 60}, {"established", 432000}, {"fin_wait", 120},
			{"close_wait", 60}, {"last_ack", 30}, {"time_wait", 120}, {"close", 10}, {"syn_sent2", 120},
			{"retrans", 300}, {"unack", 300}}
	case protoUDPNum:
		return []state{{"unreplied", 30}, {"replied", 120}}
	}
	return nil
}

func (p *printer) timeouts(f *fields) {
	p.s("\t\tprotocol ")
	proto := f.u8(2)
	p.protoName(uint64(proto), p.style.Names.Protocols)
	p.l3proto(f.u16(1))
	p.s("\t\tpolicy = { ")
	set := fieldsOf(wire.Attrs(f[3]))
	delim := ""
	for i, s := range states(proto) {
		if n := set.u32(i + 1); n != s.seconds {
			p.s(delim + s.name + " : ")
			p.n(uint64(n))
			delim = ", "
		}
	}
	p.s(" }\n")
}

func (p *printer) expectation(f *fields) {
	p.s("\t\tprotocol ")
	p.protoName(uint64(f.u8(2)), p.style.Names.Protocols)
	p.s("\n\t\tdport ")
	p.n(uint64(f.u16(3)))
	p.s("\n\t\ttimeout ")
	p.duration(uint64(hostU32(f[4]))) // the kernel leaves it in host byte order
	p.s("\n\t\tsize ")
	p.n(uint64(f.u8(5)))
	p.l3proto(f.u16(1))
}

func (p *printer) synproxy(e *Synproxy) {
	lines := false
	line := func(text string, n uint64) {
		if lines {
			p.s("\n")
		}
		p.s("\t\t" + text)
		p.n(n)
		lines = true
	}
	if e.Flags&synproxyMSS != 0 {
		line("mss ", uint64(e.MSS))
	}
	if e.Flags&synproxyWScale != 0 {
		line("wscale ", uint64(e.WScale))
	}
	if e.Flags&(synproxyTimestamp|synproxySackPerm) != 0 {
		if lines {
			p.s("\n")
		}
		p.s("\t\t")
		if e.Flags&synproxyTimestamp != 0 {
			p.s("timestamp")
		}
		p.s(" ")
		if e.Flags&synproxySackPerm != 0 {
			p.s("sack-perm")
		}
	}
	p.s("\n")
}
