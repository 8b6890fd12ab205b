package main

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/packet"
)

// sshWarning says that MATCH holds for the SSH connection that the user is on, so
// that what is printed makes packets that are traced again. connection is the
// value of SSH_CONNECTION: client address and port, server address and port.
func sshWarning(m *match.Match, connection string) string {
	words := strings.Fields(connection)
	if len(words) != 4 {
		return ""
	}
	client, err1 := netip.ParseAddr(words[0])
	server, err2 := netip.ParseAddr(words[2])
	cport, err3 := strconv.ParseUint(words[1], 10, 16)
	sport, err4 := strconv.ParseUint(words[3], 10, 16)
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil {
		return ""
	}
	p := packet.Packet{
		Has: packet.HasIP | packet.HasProto | packet.HasPorts | packet.HasTCP, Family: packet.IPv4, Proto: packet.ProtoTCP, NextHeader: packet.ProtoTCP,
		Src: client, Dst: server, SrcPort: uint16(cport), DstPort: uint16(sport), TCP: packet.TCP{Flags: packet.ACK},
	}
	if client.Is6() {
		p.Family = packet.IPv6
	}
	back := p
	back.Src, back.Dst, back.SrcPort, back.DstPort = p.Dst, p.Src, p.DstPort, p.SrcPort
	if m.Judge(&p, "", "", nil).Answer != match.Yes && m.Judge(&back, "", "", nil).Answer != match.Yes {
		return ""
	}
	return fmt.Sprintf("MATCH holds for the SSH connection that you are on (%s port %d): what is printed is traced in turn; leave it out, for example with ! -s %s ! -d %s", client, cport, client, client)
}
