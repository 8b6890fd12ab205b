package collect

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/iptnft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// TestJudgeEbtables is [TestJudgeAgreesWithTheKernel] for rules of ebtables and
// the frames of a bridge.
func TestJudgeEbtables(t *testing.T) {
	lab.Need(t, lab.IptablesNFT)
	rounds, frames := uint64(2), 60
	if corpus.Whole() {
		rounds, frames = 12, 200
	}
	for seed := range rounds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			c := &court{T: t, Rand: rand.New(rand.NewPCG(seed, 7)), fam: ruleset.Bridge, counts: map[string][]uint64{}}
			ns := newBridge(t)
			c.host = New(ns)
			c.loadBridge(ns)
			send := frameSender(t, ns, "p1")
			maker := frameMaker{r: c.Rand, fragments: true}
			for range frames {
				f := maker.any()
				send(f)
				after := c.awaitBridge(f)
				for chain, counts := range after {
					c.compare(f, atChain(f.facts, chain), chain, counts)
				}
				c.counts = after
				if t.Failed() {
					return
				}
			}
			c.sum()
		})
	}
}

// newBridge is a namespace with a bridge of two ports, p0 and q0, that floods.
func newBridge(t *testing.T) *netns.NS {
	t.Helper()
	ns := newNS(t)
	run(t, ns, "", "sh", "-ec", `
		sysctl -qw net.ipv6.conf.default.disable_ipv6=1
		ip link add br0 type bridge mcast_snooping 0
		for p in p q; do ip link add ${p}0 type veth peer name ${p}1; ip link set ${p}0 master br0; ip link set ${p}0 up; ip link set ${p}1 up; done
		ip link set br0 up`)
	lab.Await(t, func() string {
		if links := run(t, ns, "", "bridge", "link"); strings.Count(links, "state forwarding") != 2 {
			return "the ports of the bridge forward: " + links
		}
		return ""
	})
	return ns
}

// atChain adds where a frame is.
func atChain(f ruleset.Facts, chain string) ruleset.Facts {
	at := ruleset.Facts{}
	for field, known := range f {
		at[field] = known
	}
	out, outBridge := "", ""
	if chain == "FORWARD" {
		out, outBridge = "q0", "br0"
	}
	for field, name := range map[ruleset.Field]string{
		ruleset.InName: "p0", ruleset.InPort: "br0", ruleset.OutName: out, ruleset.OutPort: outBridge,
	} {
		at[field] = []ruleset.Range{ruleset.Only(ruleset.Name(name))}
	}
	return at
}

func (c *court) loadBridge(ns *netns.NS) {
	const rules = 150
	w := frameRules{c.Rand, knowsBridges(c.T)}
	chain := func(name string, forwarded bool, last string) (text string) {
		for range rules {
			text += "-A " + name + " " + w.rule(forwarded) + " -j CONTINUE\n"
		}
		return text + "-A " + name + " -j " + last + "\n"
	}
	listing := "*nat\n:PREROUTING ACCEPT\n" + chain("PREROUTING", false, "CONTINUE") + "*filter\n:FORWARD ACCEPT\n" + chain("FORWARD", true, "DROP")
	if err := restoreNFT(ns, ruleset.Bridge, listing); err != nil {
		c.Fatal(err)
	}
	c.rules = c.readBridge(true)
	for name, all := range c.rules {
		if len(all) != rules+1 {
			c.Fatalf("%s: %d rules", name, len(all))
		}
		c.counts[name] = counted(all)
	}
}

// knowsBridges reports whether the kernel can ask for the bridge of a port
// (CONFIG_NFT_BRIDGE_META).
func knowsBridges(t *testing.T) bool {
	t.Helper()
	_, _, err := tryRun(newNS(t), "", "ebtables-nft", "-A", "INPUT", "--logical-in", "br0")
	return err == nil
}

func (c *court) readBridge(when bool) map[string][]ruleset.Rule {
	c.Helper()
	native, err := c.host.NFTables()
	if err != nil {
		c.Fatal(err)
	}
	found := map[string][]ruleset.Rule{}
	for _, t := range native.Tables {
		told, err := iptnft.Table(t, xt.Env{Family: t.Family, Names: hostNames()})
		if err != nil {
			c.Fatal(err)
		}
		for _, ch := range told.Model(when, nil).Chains {
			if len(ch.Rules) > 0 {
				found[ch.Name] = ch.Rules
			}
		}
	}
	return found
}

// awaitBridge waits until both chains' last rules have counted one more frame.
func (c *court) awaitBridge(f *frame) (after map[string][]uint64) {
	c.Helper()
	lab.Await(c, func() string {
		after = map[string][]uint64{}
		for chain, rules := range c.readBridge(false) {
			after[chain] = counted(rules)
			if last := len(rules) - 1; after[chain][last] != c.counts[chain][last]+1 {
				return fmt.Sprintf("the frame passes %s: %v", chain, f)
			}
		}
		return ""
	})
	return after
}

// frameSender writes frames to a link.
func frameSender(t *testing.T, ns *netns.NS, link string) func(*frame) {
	t.Helper()
	fd, to := -1, &unix.SockaddrLinklayer{}
	err := ns.Do(func() error {
		l, err := net.InterfaceByName(link)
		if err != nil {
			return err
		}
		to.Ifindex = l.Index
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return func(f *frame) {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, int(f.mark)); err != nil {
			t.Fatal(err)
		}
		if err := unix.Sendto(fd, f.bytes, 0, to); err != nil {
			t.Fatal(err)
		}
	}
}

// any is a frame of any kind that ebtables looks into.
func (m *frameMaker) any() *frame {
	kind := uint64(3) // PACKET_OTHERHOST
	m.to = [6]byte{2, 0xbb, 0, 0, 0, byte(m.r.IntN(4))}
	switch m.r.IntN(8) {
	case 0:
		m.to, kind = [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 1
	case 1:
		m.to, kind = [6]byte{1, 0, 0x5e, 0, 0, 1}, 2
	}
	if m.r.IntN(6) == 0 {
		m.to, kind = [6]byte{1, 0x80, 0xc2}, 2
	}
	f := m.holding()
	m.know(f, ruleset.PktType, kind)
	return f
}

func (m *frameMaker) holding() *frame {
	switch m.r.IntN(8) {
	case 0, 1:
		return m.frame(true)
	case 2:
		return m.tagged(m.frame(m.r.IntN(2) == 0))
	case 3:
		return m.link(pick[uint16](m.r, 0x0806, 0x0806, 0x8035), m.arp)
	case 4:
		if m.to[5] == 0 && m.to[0] == 1 {
			return m.link(0, m.spanningTree)
		}
		return m.link(0, m.llc)
	}
	return m.frame(false)
}

// link is a frame that is filled with what a function makes; without a type it
// has its length in this place.
func (m *frameMaker) link(etherType uint16, fill func(*frame) []byte) *frame {
	f := &frame{facts: ruleset.Facts{}, mark: pick(m.r, someMarks...)}
	from := [6]byte{2, 0, 0, 0, 0, byte(m.r.IntN(4))}
	held := fill(f)
	protocol := etherType
	if etherType == 0 {
		etherType, protocol = uint16(len(held)), 4 // ETH_P_802_2
	}
	m.know(f, "meta protocol", uint64(protocol))
	m.know(f, ruleset.Mark, uint64(f.mark))
	m.know(f, ruleset.EtherType, uint64(etherType))
	m.know(f, ruleset.EtherSource, ethernet(from))
	m.know(f, ruleset.EtherDest, ethernet(m.to))
	f.bytes = append(append(m.to[:], from[:]...), byte(etherType>>8), byte(etherType))
	f.bytes = append(f.bytes, held...)
	return f
}

// tagged puts the frame into a virtual LAN.
func (m *frameMaker) tagged(f *frame) *frame {
	id, priority := uint16(m.r.IntN(3)*5), uint16(m.r.IntN(4))
	m.know(f, "vlan id", uint64(id))
	m.know(f, "vlan pcp", uint64(priority))
	f.facts["vlan type"] = f.facts[ruleset.EtherType]
	m.know(f, ruleset.EtherType, 0x8100)
	tag := binary.BigEndian.AppendUint16([]byte{0x81, 0}, priority<<13|id)
	f.bytes = append(append(append([]byte(nil), f.bytes[:12]...), tag...), f.bytes[12:]...)
	return f
}

func (m *frameMaker) arp(f *frame) []byte {
	htype, ptype, hlen, plen := uint16(1), uint16(0x0800), 6, 4
	switch m.r.IntN(6) {
	case 0:
		htype, hlen = 6, 8
	case 1:
		ptype, plen = 0x86dd, 16
	}
	if m.ethernet {
		hlen, plen = 6, 4
	}
	op := uint16(1 + m.r.IntN(3))
	b := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, htype), ptype)
	b = binary.BigEndian.AppendUint16(append(b, byte(hlen), byte(plen)), op)
	for field, n := range map[ruleset.Field]uint64{
		"arp htype": uint64(htype), "arp ptype": uint64(ptype), "arp hlen": uint64(hlen), "arp plen": uint64(plen), "arp operation": uint64(op),
	} {
		m.know(f, field, n)
	}
	for _, side := range []string{"saddr", "daddr"} {
		hard, addr := [6]byte{2, 0, 0, 0, 0, byte(m.r.IntN(4))}, address4(m.r)
		if hlen == 6 {
			m.know(f, ruleset.Field("arp "+side+" ether"), ethernet(hard))
		}
		if plen == 4 {
			f.facts[ruleset.Field("arp "+side+" ip")] = []ruleset.Range{ruleset.Only(ruleset.Addr(addr))}
		}
		b = append(append(b, hard[:]...), make([]byte, hlen-6)...)
		b = append(append(b, addr.AsSlice()...), make([]byte, plen-4)...)
	}
	return b
}

func (m *frameMaker) llc(f *frame) []byte {
	dsap, ssap, typ := pick[byte](m.r, 0xaa, 0xaa, 0xaa, 0x42), pick[byte](m.r, 0xaa, 0xaa, 0xaa, 0x42), pick[uint16](m.r, 0x0800, 0x0806)
	m.know(f, "llc dsap", uint64(dsap))
	m.know(f, "llc ssap", uint64(ssap))
	m.know(f, "snap type", uint64(typ))
	return append(binary.BigEndian.AppendUint16([]byte{dsap, ssap, 3, 0, 0, 0}, typ), make([]byte, 40)...)
}

// spanningTree is a message of the spanning tree protocol.
func (m *frameMaker) spanningTree(f *frame) []byte {
	version, kind := pick[byte](m.r, 0, 0, 0, 2), pick[byte](m.r, 0, 0, 1, 0x80)
	m.know(f, "stp version", uint64(version))
	m.know(f, "stp type", uint64(kind))
	b := []byte{0x42, 0x42, 3, 0, 0, version, kind}
	for range 40 {
		b = append(b, byte(m.r.IntN(4)))
	}
	return b
}
