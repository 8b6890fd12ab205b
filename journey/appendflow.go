package journey

import "encoding/hex"

// AppendJSON appends the flow as one line of pktrail/flow/v1, without a line end,
// as Journey's AppendJSON does.
func (f *Flow) AppendJSON(b []byte) []byte {
	b = append(b, '{')
	b = text(b, "schema", FlowSchema)
	if f.Netns != nil {
		b = f.Netns.append(key(b, "netns"))
	}
	b = knownInt(b, "id", f.ID)
	b = text(b, "family", f.Family)
	b = known(b, "proto", f.Proto)
	b = f.Orig.append(key(b, "orig"))
	b = f.Reply.append(key(b, "reply"))
	if f.NAT != nil {
		b = f.NAT.append(key(b, "nat"))
	}
	b = f.appendEntry(b)
	b = f.appendProtocol(b)
	if f.Master != nil {
		b = f.Master.append(key(b, "master"))
	}
	if s := f.SynProxy; s != nil {
		b = append(key(b, "synproxy"), '{')
		b = integer(b, "isn", s.ISN)
		b = integer(b, "its", s.ITS)
		b = integer(b, "tsoff", s.TSOff)
		b = append(b, '}')
	}
	b = knownAttrs(b, "unknown", f.Unknown)
	return append(b, '}')
}

// MarshalJSON implements json.Marshaler with AppendJSON.
func (f Flow) MarshalJSON() ([]byte, error) { return f.AppendJSON(nil), nil }

// AppendJSON appends the event as one line of pktrail/flow-event/v1, without a
// line end, as Journey's AppendJSON does.
func (e *FlowEvent) AppendJSON(b []byte) []byte {
	b = append(b, '{')
	b = text(b, "schema", FlowEventSchema)
	b = knownTime(b, "time", e.Time)
	b = known(b, "clock", e.Clock)
	b = text(b, "event", e.Event)
	b = knownInt(b, "portid", e.Port)
	if e.Lifetime != nil {
		b = Uptime(*e.Lifetime).Append(key(b, "lifetime"))
	}
	b = known(b, "lifetime_by", e.LifetimeBy)
	b = e.Flow.AppendJSON(key(b, "flow"))
	return append(b, '}')
}

// MarshalJSON implements json.Marshaler with AppendJSON.
func (e FlowEvent) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil), nil }

// appendEntry is what holds for entries of any protocol.
func (f *Flow) appendEntry(b []byte) []byte {
	b = known(b, "state", f.State)
	b = knownTexts(b, "status", f.Status)
	b = knownInt(b, "timeout", f.Timeout)
	b = knownInt(b, "mark", f.Mark)
	b = knownInt(b, "zone", f.Zone)
	b = knownInts(b, "labels", f.Labels)
	b = knownInt(b, "use", f.Use)
	b = known(b, "helper", f.Helper)
	b = knownHex(b, "helper_info", f.HelperInfo)
	b = known(b, "secctx", f.SecCtx)
	b = knownInt(b, "secmark", f.SecMark)
	b = knownTime(b, "start", f.Start)
	return knownTime(b, "stop", f.Stop)
}

func (f *Flow) appendProtocol(b []byte) []byte {
	if t := f.TCP; t != nil {
		b = append(key(b, "tcp"), '{')
		b = knownInt(b, "scale_orig", t.ScaleOrig)
		b = knownInt(b, "scale_reply", t.ScaleReply)
		b = knownInt(b, "flags_orig", t.FlagsOrig)
		b = knownInt(b, "flags_reply", t.FlagsReply)
		b = append(b, '}')
	}
	if s := f.SCTP; s != nil {
		b = append(key(b, "sctp"), '{')
		b = knownInt(b, "vtag_orig", s.TagOrig)
		b = knownInt(b, "vtag_reply", s.TagReply)
		b = append(b, '}')
	}
	if d := f.DCCP; d != nil {
		b = append(key(b, "dccp"), '{')
		b = knownInt(b, "role", d.Role)
		b = known(b, "handshake", d.Handshake)
		b = append(b, '}')
	}
	return b
}

func (s *FlowSide) append(b []byte) []byte {
	b = append(b, '{')
	b = knownAddr(b, "src", s.Src)
	b = knownAddr(b, "dst", s.Dst)
	b = knownInt(b, "sport", s.SrcPort)
	b = knownInt(b, "dport", s.DstPort)
	b = knownInt(b, "src_key", s.SrcKey)
	b = knownInt(b, "dst_key", s.DstKey)
	if i := s.ICMP; i != nil {
		b = append(key(b, "icmp"), '{')
		b = knownInt(b, "type", i.Type)
		b = knownInt(b, "code", i.Code)
		b = knownInt(b, "id", i.ID)
		b = append(b, '}')
	}
	b = knownInt(b, "zone", s.Zone)
	b = knownInt(b, "packets", s.Packets)
	b = knownInt(b, "bytes", s.Bytes)
	if a := s.SeqAdj; a != nil {
		b = append(key(b, "seqadj"), '{')
		b = integer(b, "pos", a.Pos)
		b = integer(b, "before", a.Before)
		b = integer(b, "after", a.After)
		b = append(b, '}')
	}
	return append(b, '}')
}

func (n *FlowNAT) append(b []byte) []byte {
	b = append(b, '{')
	b = changedAddr(b, "src", n.Src)
	b = changedPort(b, "sport", n.SrcPort)
	b = changedAddr(b, "dst", n.Dst)
	b = changedPort(b, "dport", n.DstPort)
	b = changedPort(b, "id", n.ID)
	return append(b, '}')
}

func knownInts(b []byte, name string, list []int) []byte {
	if list == nil {
		return b
	}
	return ints(b, name, list)
}

func ints(b []byte, name string, list []int) []byte {
	b = append(key(b, name), '[')
	for i, n := range list {
		b = number(next(b, i), n)
	}
	return append(b, ']')
}

func knownAttrs(b []byte, name string, attrs []FlowAttr) []byte {
	if attrs == nil {
		return b
	}
	b = append(key(b, name), '[')
	for i := range attrs {
		b = append(next(b, i), '{')
		b = ints(b, "path", attrs[i].Path)
		b = append(key(b, "data"), '"')
		b = append(hex.AppendEncode(b, attrs[i].Data), '"', '}')
	}
	return append(b, ']')
}
