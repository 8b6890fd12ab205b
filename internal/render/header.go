package render

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
)

// header is what, from, to, and what became of it. Doubts about the journey as
// a whole stand here, before the reader believes the steps.
func (t *Text) header(j *journey.Journey) []line {
	result := string(j.Outcome.Result)
	parts := []line{
		{{t.startOf(j), dim}},
		{{result, resultStyle(j.Outcome.Result)}, {text: strings.Repeat(" ", max(9-len(result), 0))}},
		t.packet(&j.Packet),
	}
	if ns := netnsName(j); t.opt.Netns && ns != "" {
		parts = append(parts, line{{"in " + ns, plain}})
	}
	if t.opt.Host && j.Host.Name != "" {
		parts = append(parts, line{{"on " + t.clean(j.Host.Name), plain}})
	}
	if j.ArmedFrom != "" {
		parts = append(parts, line{{j.ArmedFrom, dim}})
	}
	parts = append(parts, line{{shortID(j.ID), dim}})
	if j.Identity == journey.Inferred {
		parts = append(parts, line{{"inferred: more than one packet fitted", yellow}})
	}
	if !j.Complete {
		parts = append(parts, line{{"incomplete: " + missing(j), yellow}})
	}
	return parts
}

func missing(j *journey.Journey) string {
	reasons := strings.Join(j.Missing, "; ")
	if reasons == "" {
		reasons = "steps may be missing"
	}
	if j.Lost.Count > 0 || j.Lost.More {
		reasons += " (" + lostWords(j.Lost) + " lost)"
	}
	return reasons
}

func netnsName(j *journey.Journey) string {
	if j.Netns != nil {
		return j.Netns.Name
	}
	for i := range j.Steps {
		if ns := j.Steps[i].Netns; ns != nil {
			return ns.Name
		}
	}
	return ""
}

func resultStyle(r journey.Result) style {
	switch r {
	case journey.Dropped, journey.Rejected:
		return red
	case journey.Delivered, journey.Forwarded, journey.Sent:
		return green
	}
	return yellow
}

// packet is the line of one packet: protocol, ends, and what tells it from others.
func (t *Text) packet(p *journey.Packet) line {
	l := line{{protoWord(p) + " ", plain}}
	if p.Src.IsValid() || p.Dst.IsValid() {
		ends := endpoint(p.Src, p.SrcPort) + " " + t.marks.arrow + " " + endpoint(p.Dst, p.DstPort)
		l = append(l, span{ends, bold})
	}
	if words := details(p); words != "" {
		l = append(l, span{"  " + words, plain})
	}
	if p.Inner != nil {
		l = append(l, span{"  about ", dim})
		l = append(l, t.packet(p.Inner)...)
	}
	return l
}

func protoWord(p *journey.Packet) string {
	if p.Proto == "" {
		return p.Family
	}
	return p.Proto
}

func details(p *journey.Packet) string {
	var words []string
	if p.TCP != nil {
		words = append(words, tcpFlags(p.TCP.Flags))
	}
	if p.ICMP != nil {
		words = append(words, icmpWords(p.ICMP, p.Family))
	}
	if f := p.Fragment; f != nil {
		word := fmt.Sprintf("fragment at %d", f.Offset)
		if f.More {
			word += "+"
		}
		words = append(words, word)
	}
	if p.Length != nil {
		words = append(words, strconv.Itoa(*p.Length)+" B")
	}
	if p.Mark != nil && *p.Mark != 0 {
		words = append(words, fmt.Sprintf("mark %#x", *p.Mark))
	}
	return strings.Join(words, "  ")
}

// tcpFlags spells flags out: SA is SYN+ACK.
func tcpFlags(letters string) string {
	var words []string
	for _, l := range letters {
		words = append(words, tcpFlag(l))
	}
	if len(words) == 0 {
		return "no flags"
	}
	return strings.Join(words, "+")
}

func tcpFlag(letter rune) string {
	switch letter {
	case 'S':
		return "SYN"
	case 'F':
		return "FIN"
	case 'R':
		return "RST"
	case 'P':
		return "PSH"
	case 'A':
		return "ACK"
	case 'U':
		return "URG"
	case 'E':
		return "ECE"
	case 'W':
		return "CWR"
	}
	return string(letter)
}

func icmpWords(i *journey.ICMP, family string) string {
	words := i.Name
	if words == "" {
		words = fmt.Sprintf("type %d", i.Type)
	}
	proto := uint8(packet.ProtoICMP)
	if family == "ipv6" {
		proto = packet.ProtoICMPv6
	}
	if code := packet.ICMPCodeName(proto, i.Type, i.Code); code != "" {
		words = code
	} else if i.Code != 0 {
		words += fmt.Sprintf(" code %d", i.Code)
	}
	if i.ID != nil {
		words += fmt.Sprintf(" id %d", *i.ID)
	}
	if i.Seq != nil {
		words += fmt.Sprintf(" seq %d", *i.Seq)
	}
	return words
}

func endpoint(a netip.Addr, port *uint16) string {
	switch {
	case !a.IsValid():
		return "?"
	case port == nil:
		return a.String()
	}
	return net.JoinHostPort(a.String(), strconv.Itoa(int(*port)))
}
