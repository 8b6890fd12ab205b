package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchNotBoth is two ports that are each negated, as iptables-nft 1.8.8 to
// 1.8.11 hands them to nf_tables: as one number of four bytes. A packet that
// differs in one of them matches there, while the words say that it differs in
// both (iptables/nft.c: add_nft_tcpudp).
type MatchNotBoth struct {
	Match // a MatchTCP or MatchUDP
}

// when asks for the two ports at once, and for what else the match has.
func (m MatchNotBoth) when(a asked) []ruleset.Condition {
	all := Ports{High: 0xffff}
	var source, dest Ports
	var rest []ruleset.Condition
	switch of := m.Match.(type) {
	case MatchUDP:
		source, dest = of.Source, of.Destination
	case MatchTCP:
		source, dest = of.Source, of.Destination
		of.Source, of.NotSource, of.Destination, of.NotDestination = all, false, all, false
		rest = of.when(a)
	}
	ports := []ruleset.Range{
		ruleset.Span(uint64(source.Low), uint64(source.High)), ruleset.Span(uint64(dest.Low), uint64(dest.High)),
	}
	return append(rest, ruleset.Condition{
		Fields: []ruleset.Field{ruleset.SourcePort, ruleset.DestPort}, Rows: []ruleset.Row{{Ranges: ports}}, Not: true,
	})
}
