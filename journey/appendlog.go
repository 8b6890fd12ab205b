package journey

import "slices"

// AppendJSON appends the line as one line of pktrail/logline/v1, without a line
// end, as Journey's AppendJSON does.
func (l *LogLine) AppendJSON(b []byte) []byte {
	b = append(b, '{')
	b = text(b, "schema", LogLineSchema)
	b = knownTime(b, "time", l.Time)
	b = known(b, "clock", l.Clock)
	if l.Uptime != nil {
		b = l.Uptime.Append(key(b, "uptime"))
	}
	b = known(b, "host", l.Host)
	b = known(b, "file", l.File)
	b = knownInt(b, "line", l.Line)
	b = knownInt(b, "offset", l.Offset)
	b = l.appendRule(b)
	b = l.appendPlace(b)
	b = l.Packet.append(key(b, "packet"))
	b = knownInt(b, "uid", l.UID)
	b = knownInt(b, "gid", l.GID)
	b = knownInt(b, "mark", l.Mark)
	b = knownTexts(b, "cut", l.Cut)
	b = knownBytes(b, "rest", l.Rest)
	return append(b, '}')
}

// MarshalJSON implements json.Marshaler with AppendJSON.
func (l LogLine) MarshalJSON() ([]byte, error) { return l.AppendJSON(nil), nil }

// appendRule is what the rule gave the line.
func (l *LogLine) appendRule(b []byte) []byte {
	b = knownText(b, "prefix", l.Prefix)
	if o := l.Origin; o != nil {
		b = append(key(b, "origin"), '{')
		b = known(b, "tool", o.Tool)
		b = known(b, "chain", o.Chain)
		b = known(b, "action", o.Action)
		b = append(b, '}')
	}
	if t := l.Trace; t != nil {
		b = append(key(b, "trace"), '{')
		b = text(b, "table", t.Table)
		b = text(b, "chain", t.Chain)
		b = text(b, "type", t.Type)
		b = integer(b, "number", t.Number)
		b = append(b, '}')
	}
	return b
}

// appendPlace is where the packet was, up to its link header.
func (l *LogLine) appendPlace(b []byte) []byte {
	if l.Netns != nil {
		b = l.Netns.append(key(b, "netns"))
	}
	b = known(b, "hook", l.Hook)
	b = knownText(b, "in", l.In)
	b = knownText(b, "out", l.Out)
	b = knownText(b, "physin", l.PhysIn)
	b = knownText(b, "physout", l.PhysOut)
	b = knownBytes(b, "mac", l.MAC)
	if k := l.Link; k != nil {
		b = append(key(b, "link"), '{')
		b = knownEther(b, "src", &k.Src)
		b = knownEther(b, "dst", &k.Dst)
		b = etherType(b, "proto", k.Proto)
		b = append(b, '}')
	}
	if v := l.VLAN; v != nil {
		b = append(key(b, "vlan"), '{')
		b = etherType(b, "proto", v.Proto)
		b = integer(b, "id", v.ID)
		b = append(b, '}')
	}
	if t := l.Tunnel; t != nil {
		b = append(key(b, "tunnel"), '{')
		b = address(key(b, "src"), t.Src)
		b = address(key(b, "dst"), t.Dst)
		b = append(b, '}')
	}
	return b
}

func (p *LogPacket) append(b []byte) []byte {
	b = append(b, '{')
	b = text(b, "family", p.Family)
	b = known(b, "proto", p.Proto)
	b = knownAddr(b, "src", p.Src)
	b = knownAddr(b, "dst", p.Dst)
	b = knownInt(b, "sport", p.SrcPort)
	b = knownInt(b, "dport", p.DstPort)
	b = p.appendNetwork(b)
	b = p.appendTransport(b)
	b = knownInt(b, "spi", p.SPI)
	b = knownInt(b, "incomplete", p.Incomplete)
	b = knownTrue(b, "truncated", p.Truncated)
	if p.Inner != nil {
		b = p.Inner.append(key(b, "inner"))
	}
	return append(b, '}')
}

func (p *LogPacket) appendNetwork(b []byte) []byte {
	b = knownInt(b, "length", p.Length)
	b = knownInt(b, "ttl", p.TTL)
	b = knownInt(b, "tos", p.TOS)
	b = knownInt(b, "ip_id", p.IPID)
	b = knownInt(b, "flow_label", p.FlowLabel)
	b = knownTrue(b, "ce", p.CE)
	b = knownTrue(b, "df", p.DF)
	if f := p.Fragment; f != nil {
		b = append(key(b, "fragment"), '{')
		b = integer(b, "offset", f.Offset)
		b = boolean(b, "more", f.More)
		b = append(b, '}')
	}
	return knownBytes(b, "ip_options", p.IPOptions)
}

func (p *LogPacket) appendTransport(b []byte) []byte {
	if t := p.TCP; t != nil {
		b = append(key(b, "tcp"), '{')
		b = knownText(b, "flags", t.Flags)
		b = knownInt(b, "seq", t.Seq)
		b = knownInt(b, "ack", t.Ack)
		b = knownInt(b, "window", t.Window)
		b = knownInt(b, "reserved", t.Reserved)
		b = knownInt(b, "urgent", t.Urgent)
		b = knownBytes(b, "options", t.Options)
		b = append(b, '}')
	}
	if u := p.UDP; u != nil {
		b = append(key(b, "udp"), '{')
		b = knownInt(b, "length", u.Length)
		b = append(b, '}')
	}
	if i := p.ICMP; i != nil {
		b = i.append(key(b, "icmp"))
	}
	if a := p.ARP; a != nil {
		b = a.append(key(b, "arp"))
	}
	return b
}

func (i *LogICMP) append(b []byte) []byte {
	b = append(b, '{')
	b = integer(b, "type", i.Type)
	b = knownInt(b, "code", i.Code)
	b = known(b, "name", i.Name)
	b = knownInt(b, "id", i.ID)
	b = knownInt(b, "seq", i.Seq)
	b = knownInt(b, "parameter", i.Parameter)
	b = knownAddr(b, "gateway", i.Gateway)
	b = knownInt(b, "mtu", i.MTU)
	return append(b, '}')
}

func (a *LogARP) append(b []byte) []byte {
	b = append(b, '{')
	b = knownInt(b, "hardware", a.Hardware)
	b = knownInt(b, "protocol", a.Protocol)
	b = knownInt(b, "op", a.Op)
	b = known(b, "name", a.Name)
	b = knownEther(b, "src_ether", a.SrcEther)
	b = knownEther(b, "dst_ether", a.DstEther)
	return append(b, '}')
}

func knownText(b []byte, name string, s *string) []byte {
	if s == nil {
		return b
	}
	return text(b, name, *s)
}

func knownTrue(b []byte, name string, v bool) []byte {
	if !v {
		return b
	}
	return boolean(b, name, v)
}

func knownEther(b []byte, name string, e *Ether) []byte {
	if e == nil {
		return b
	}
	b = e.append(append(key(b, name), '"'))
	return append(b, '"')
}

func etherType(b []byte, name string, t EtherType) []byte {
	b = t.append(append(key(b, name), '"'))
	return append(b, '"')
}

func knownBytes(b []byte, name string, s Bytes) []byte {
	if s == nil {
		return b
	}
	b = key(b, name)
	if slices.ContainsFunc(s, func(c byte) bool { return !plain(c) }) {
		return quote(b, string(s))
	}
	b = append(append(b, '"'), s...)
	return append(b, '"')
}
