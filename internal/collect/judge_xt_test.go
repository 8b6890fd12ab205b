package collect

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/ipset"
	"github.com/pktrail/pktrail/ruleset/iptnft"
	"github.com/pktrail/pktrail/ruleset/nft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// A rule that is judged to match a packet must have counted it, and one that is
// judged not to must not: rules and packets are made up, the kernel decides.
func TestJudgeAgreesWithTheKernel(t *testing.T) {
	seeds := 1
	if corpus.Whole() {
		seeds = 8
	}
	for n := range 12 * seeds {
		kind := n % 12
		if seeds == 1 && (kind == 8 || kind == 11) {
			continue
		}
		c := &court{fam: []ruleset.Family{ruleset.IP, ruleset.IP6}[kind&1], tracked: kind&2 != 0, nft: kind&12 != 0, raw: kind&8 != 0}
		t.Run(fmt.Sprintf("%s tracked %v nft %v raw %v %d", c.fam, c.tracked, c.nft, c.raw, n/12), func(t *testing.T) {
			lab.Need(t, map[bool]lab.World{false: lab.Legacy, true: lab.IptablesNFT}[c.nft])
			c.T, c.Rand = t, rand.New(rand.NewPCG(uint64(n/12), uint64(kind)))
			c.open()
			c.sit()
		})
	}
}

// court is a router with made-up rules in two chains, before and after the
// decision to forward, through which packets are sent.
type court struct {
	*testing.T
	*rand.Rand
	fam     ruleset.Family
	tracked bool     // flows are
	nft     bool     // the rules are iptables-nft's
	raw     bool     // they are judged by nft's expressions, among which matches of iptables stand
	sets    []string // ipsets that there are
	lab     *lab.Lab
	host    *Host
	mac     []byte
	rules   map[string][]ruleset.Rule // by chain
	counts  map[string][]uint64       // of the rules
	flows   map[string]bool           // that were seen
	old     []*judged                 // that may be answered
	told    [3]int
}

const (
	judgeRules   = 250 // in each chain
	judgePackets = 45
)

func (c *court) open() {
	c.lab, c.flows = lab.New(c.T, "router"), map[string]bool{}
	for _, key := range []string{"all", "r0", "r1"} {
		if err := c.lab.Sysctl("rt", "net.ipv4.conf."+key+".rp_filter", "0"); err != nil {
			c.Fatal(err)
		}
	}
	for _, args := range []string{
		"link set r0 group 5", "link set r1 group 22", "route add 172.16.0.0/12 via 10.1.0.2", "route add 198.51.100.0/24 via 10.2.0.2",
		"-6 route add 2001:db8:0:1::/64 via fd00:1::2", "-6 route add 2001:db8:0:2::/64 via fd00:2::2",
	} {
		if c.fam == ruleset.IP && strings.HasPrefix(args, "-6") {
			continue
		}
		run(c.T, c.lab.NS("rt"), "", append([]string{"ip"}, strings.Fields(args)...)...)
	}
	err := c.lab.NS("rt").Do(func() error {
		dev, err := net.InterfaceByName("r0")
		if err == nil {
			c.mac = dev.HardwareAddr
		}
		return err
	})
	if err != nil {
		c.Fatal(err)
	}
	c.host = New(c.lab.NS("rt"))
	c.loadSets()
	c.load()
}

// loadSets makes those ipsets that the kernel has the type of.
func (c *court) loadSets() {
	for _, set := range strings.Split(judgeSets(c.fam), "create ")[1:] {
		name, _, _ := strings.Cut(set, " ")
		if _, complaint, err := tryRun(c.lab.NS("rt"), "create "+set, "ipset", "restore"); err != nil {
			c.Logf("without ipset %s: %v: %s", name, err, complaint)
			continue
		}
		c.sets = append(c.sets, name)
	}
	if len(c.sets) == 0 && os.Getenv("CI") == "true" {
		c.Fatal("no ipsets")
	}
}

// load gives the router its rules: marks by addresses, then those that are judged.
func (c *court) load() {
	low := func(bits, mask int) string {
		if c.fam == ruleset.IP6 {
			return fmt.Sprintf("::%x/::%x", bits, mask)
		}
		return fmt.Sprintf("0.0.0.%d/0.0.0.%d", bits, mask)
	}
	var b strings.Builder
	if c.tracked {
		fmt.Fprintf(&b, "*raw\n:PREROUTING ACCEPT\n-A PREROUTING -s %s -j CT --notrack\nCOMMIT\n", low(7, 7))
	}
	b.WriteString("*mangle\n:PREROUTING ACCEPT\n:FORWARD ACCEPT\n:before -\n:after -\n")
	for i, mark := range judgeMarks {
		fmt.Fprintf(&b, "-A PREROUTING -s %s -j MARK --set-xmark %#x/0xffffffff\n", low(i, 3), mark)
	}
	if c.tracked {
		fmt.Fprintf(&b, "-A PREROUTING -d %s -j CONNMARK --set-xmark 0x7/0xffffffff\n", low(1, 1))
		fmt.Fprintf(&b, "-A PREROUTING -d %s -j CONNMARK --set-xmark 0x0/0xffffffff\n", low(0, 1))
	}
	nets := []string{"172.16.0.0/12", "198.51.100.0/24"}
	if c.fam == ruleset.IP6 {
		nets = []string{"2001:db8:0:1::/64", "2001:db8:0:2::/64"}
	}
	for _, n := range nets {
		fmt.Fprintf(&b, "-A PREROUTING -s %s -j before\n-A FORWARD -s %s -j after\n", n, n)
	}
	for _, chain := range []string{"before", "after"} {
		for _, state := range c.states() {
			fmt.Fprintf(&b, "-A %s -m conntrack --ctstate %s\n", chain, state)
		}
		w := written{Rand: c.Rand, fam: c.fam, tracked: c.tracked, forwarded: chain == "after", sets: c.sets}
		for range judgeRules {
			fmt.Fprintf(&b, "-A %s %s\n", chain, w.rule())
		}
		fmt.Fprintf(&b, "-A %s\n", chain)
	}
	b.WriteString("COMMIT\n")
	load := restore
	if c.nft {
		load = restoreNFT
	}
	if err := load(c.lab.NS("rt"), c.fam, b.String()); err != nil {
		if strings.Contains(err.Error(), "xtension") {
			lab.Lacks(c, fmt.Sprint("a match is missing here: ", err))
		}
		c.Fatal(err)
	}
	c.rules, c.counts = c.read(true), map[string][]uint64{}
	for chain, rules := range c.rules {
		c.counts[chain] = counted(rules)
	}
}

// states are asked for by the first rules of each chain of a court with flows.
func (c *court) states() []string {
	if !c.tracked {
		return nil
	}
	return []string{"INVALID", "ESTABLISHED", "RELATED", "NEW", "UNTRACKED"}
}

func (c *court) read(when bool) map[string][]ruleset.Rule {
	sets, err := c.host.IPSets()
	if err != nil {
		c.Fatal(err)
	}
	mangle, err := c.mangle(when, sets)
	if err != nil {
		c.Fatal(err)
	}
	found := map[string][]ruleset.Rule{}
	for _, ch := range mangle.Chains {
		if ch.Name == "before" || ch.Name == "after" {
			found[ch.Name] = ch.Rules
		}
	}
	return found
}

// mangle is the table that is judged.
func (c *court) mangle(when bool, sets []*ipset.Set) (*ruleset.Table, error) {
	members := func(fam ruleset.Family) ruleset.Members { return ipset.Members(sets, fam) }
	if !c.nft {
		tables, err := c.host.XTables(c.fam)
		for _, t := range tables {
			if t.Name == "mangle" {
				return t.Model(when, members(c.fam)), nil
			}
		}
		return nil, fmt.Errorf("no table mangle: %w", err)
	}
	native, err := c.host.NFTables()
	if err != nil {
		return nil, err
	}
	for _, t := range native.Tables {
		switch names := xtNames(sets); {
		case t.Name != "mangle":
		case c.raw:
			return t.Model(&nft.Style{Asks: iptnft.AsksOf(names, members)}, when), nil
		default:
			told, err := iptnft.Table(t, xt.Env{Family: c.fam, Names: names})
			if err != nil {
				return nil, err
			}
			return told.Model(when, members(c.fam)), nil
		}
	}
	return nil, errors.New("no table mangle")
}

func counted(rules []ruleset.Rule) []uint64 {
	n := make([]uint64, len(rules))
	for i := range rules {
		n[i] = rules[i].Counter.Packets
	}
	return n
}

func (c *court) sit() {
	for range judgePackets {
		p := c.next()
		if err := c.lab.SendFrame("client", "c0", p.frame(c.mac)); err != nil {
			c.Fatal(err)
		}
		chains := []string{"before"}
		if p.forwarded() {
			chains = append(chains, "after")
		}
		after := c.await(p, chains)
		for _, chain := range chains {
			c.judge(p, chain, after[chain])
		}
		for chain := range c.counts {
			c.counts[chain] = after[chain]
		}
		if c.Failed() {
			return
		}
	}
	c.sum()
}

// sum says how often what was told, and fails where that is too little.
func (c *court) sum() {
	all := c.told[ruleset.No] + c.told[ruleset.Yes] + c.told[ruleset.Maybe]
	if c.told[ruleset.Maybe]*20 > all || c.told[ruleset.Yes]*20 < all {
		c.Error("too little is told")
	}
	c.Logf("%d times no, %d times yes, %d times not told", c.told[ruleset.No], c.told[ruleset.Yes], c.told[ruleset.Maybe])
}

// next is a new packet, or the answer to an older one.
func (c *court) next() *judged {
	if len(c.old) == 0 || c.IntN(4) > 0 {
		return newJudged(c.Rand, c.fam, c.tracked)
	}
	p := *c.old[c.IntN(len(c.old))]
	p.src, p.dst, p.sport, p.dport, p.answer = p.dst, p.src, p.dport, p.sport, true
	return &p
}

// await waits until the last rules of the chains have counted one more packet.
func (c *court) await(p *judged, chains []string) map[string][]uint64 {
	var after map[string][]uint64
	lab.Await(c, func() string {
		after = map[string][]uint64{}
		for chain, rules := range c.read(false) {
			after[chain] = counted(rules)
		}
		arrived := func(chain string) bool {
			last := len(after[chain]) - 1
			return after[chain][last] == c.counts[chain][last]+1
		}
		if slices.ContainsFunc(chains, func(chain string) bool { return !arrived(chain) }) {
			return fmt.Sprintf("the packet did not pass %v: %v", chains, p)
		}
		return ""
	})
	return after
}

func (c *court) judge(p *judged, chain string, after []uint64) {
	facts := p.facts(chain == "after")
	if c.nft && p.headers.authenticated {
		p.forgetTransport(facts)
	}
	if c.tracked {
		c.flowFacts(p, facts, chain, after)
	}
	c.compare(p, facts, chain, after)
}

// compare holds what a chain's rules say of a packet to what they have counted.
func (c *court) compare(p fmt.Stringer, facts ruleset.Facts, chain string, after []uint64) {
	vague := c.blurred(facts)
	for i := range c.rules[chain] {
		rule := &c.rules[chain][i]
		verdict, hit := rule.Judge(facts), after[i]-c.counts[chain][i]
		if v := rule.Judge(vague); v == ruleset.Yes && hit == 0 || v == ruleset.No && hit > 0 {
			c.Errorf("judged %d by vague facts, counted %d: %s\n packet %v\n%s", v, hit,
				rule.Text, p, reasons(rule.When, vague))
		}
		c.told[verdict]++
		switch {
		case hit > 1:
			c.Fatalf("a rule counted %d packets where one was sent", hit)
		case verdict == ruleset.Maybe && !tellable(rule.When, facts):
		case verdict == ruleset.Yes && hit == 1, verdict == ruleset.No && hit == 0:
		default:
			c.Errorf("judged %d, counted %d: %s\n packet %v\n%s", verdict, hit,
				rule.Text, p, reasons(rule.When, facts))
		}
	}
}

// blurred are facts of which some are missing and others less exact.
func (c *court) blurred(f ruleset.Facts) ruleset.Facts {
	vague := ruleset.Facts{}
	for _, field := range slices.Sorted(maps.Keys(f)) {
		known := f[field]
		v := known[0].From
		n, high := c.Uint64N(300), ruleset.Value{High: v.High, Low: v.Low | uint64(c.IntN(1<<c.IntN(12)))}
		switch {
		case c.IntN(3) == 0:
			continue
		case len(known) > 1 || v.High != 0 || c.IntN(3) == 0:
			vague[field] = known
		case c.IntN(2) == 0:
			vague[field] = []ruleset.Range{{From: ruleset.Number(v.Low - min(n, v.Low)), To: high}}
		default:
			vague[field] = []ruleset.Range{{From: v.And(ruleset.Number(^uint64(7))), To: v.Or(ruleset.Number(7))}, ruleset.Span(1<<33+n, 1<<34)}
		}
	}
	return vague
}

// reasons are a rule's conditions and how each was judged.
func reasons(when []ruleset.Condition, f ruleset.Facts) (text string) {
	for i := range when {
		text += fmt.Sprintf(" %d: %+v\n", when[i].Judge(f), when[i])
		for _, field := range when[i].Fields {
			text += fmt.Sprintf("   %s is %v\n", field, f[field])
		}
		text += reasons(when[i].Any, f)
	}
	return text
}

// tellable: all fields are known as one value.
func tellable(when []ruleset.Condition, f ruleset.Facts) bool {
	for i := range when {
		if when[i].Why != "" || !tellable(when[i].Any, f) {
			return false
		}
		for _, field := range when[i].Fields {
			if len(f[field]) != 1 {
				return false
			}
		}
	}
	return true
}

// flowFacts adds what is known of the packet's flow. Its state is told by the
// rules that ask for each of them alone.
func (c *court) flowFacts(p *judged, f ruleset.Facts, chain string, after []uint64) {
	know := func(field ruleset.Field, values ...uint64) {
		f[field] = nil
		for _, v := range values {
			f[field] = append(f[field], ruleset.Span(v, v))
		}
	}
	bits, state := [...]uint64{1, 2, 4, 8, 64}, uint64(0)
	for i, bit := range bits {
		if after[i] > c.counts[chain][i] {
			state |= bit
		}
	}
	know(ruleset.CTState, state)
	if p.answer && state != 2 && state != 64 {
		c.Errorf("an answer has the state %d: %v", state, p)
	}
	if state != 8 && (!p.answer || state == 64) {
		return
	}
	last := p.dst.AsSlice()[p.dst.BitLen()/8-1]
	know(ruleset.CTMark, uint64(last&1)*7)
	know(ruleset.CTProto, uint64(p.proto))
	c.tupleFacts(p, f)
	key := fmt.Sprint(p.src, p.dst, p.proto, p.sport, p.dport)
	switch first := !c.flows[key]; {
	case p.answer:
		know(ruleset.CTStatus, 2|8, 2|4|8)
		know(ruleset.CTDir, 1)
		return
	case first && chain == "before" && (p.proto == 6 || p.proto == 17):
		know(ruleset.CTStatus, 0)
	default:
		know(ruleset.CTStatus, 0, 8)
	}
	know(ruleset.CTDir, 0)
	if chain == "after" || !p.forwarded() {
		if p.proto == 17 && p.forwarded() && !c.flows[key] {
			c.old = append(c.old, p)
		}
		c.flows[key] = true
	}
}

// Rules about the sender's socket are judged where packets are sent.
func TestJudgeOwner(t *testing.T) {
	lab.Need(t, lab.Legacy)
	l := lab.New(t, "router")
	rules := []string{
		"--uid-owner 0", "! --uid-owner 0", "--uid-owner 1-9", "! --uid-owner 1-9", "--gid-owner 0-4", "! --gid-owner 0", "--gid-owner 7",
		"--socket-exists", "! --socket-exists", "--uid-owner 0 ! --gid-owner 7", "--socket-exists --uid-owner 3",
		"--gid-owner 0 --suppl-groups", "! --gid-owner 0 --suppl-groups", "--gid-owner 77777 --suppl-groups",
	}
	listing := "*mangle\n:OUTPUT ACCEPT\n"
	for _, r := range rules {
		listing += "-A OUTPUT -p udp -m owner " + r + "\n"
	}
	if err := restore(l.NS("client"), ruleset.IP, listing+"COMMIT\n"); err != nil {
		t.Fatal(err)
	}
	conn, err := l.Dial(t.Context(), "client", "udp", netip.MustParseAddrPort("10.1.0.1:9"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	tables, err := New(l.NS("client")).XTables(ruleset.IP)
	if err != nil || len(tables) != 1 {
		t.Fatal(tables, err)
	}
	facts := ruleset.Facts{
		ruleset.L4Proto: {ruleset.Span(17, 17)}, ruleset.SocketUID: {ruleset.Span(0, 0)}, ruleset.SocketGID: {ruleset.Span(0, 0)},
	}
	for i, r := range tables[0].Model(true, nil).Chain("OUTPUT").Rules {
		verdict := r.Judge(facts)
		if (verdict == ruleset.Yes) != (r.Counter.Packets == 1) && (verdict != ruleset.Maybe || i != len(rules)-1) {
			t.Errorf("judged %d, counted %d: %s", verdict, r.Counter.Packets, r.Text)
		}
	}
}

// tupleFacts are addresses and ports of the flow in both directions.
func (c *court) tupleFacts(p *judged, f ruleset.Facts) {
	q := *p
	if p.answer {
		q.src, q.dst, q.sport, q.dport = p.dst, p.src, p.dport, p.sport
	}
	ip := "ip"
	if c.fam == ruleset.IP6 {
		ip = "ip6"
	}
	for field, a := range map[string]netip.Addr{
		"original " + ip + " saddr": q.src, "original " + ip + " daddr": q.dst, "reply " + ip + " saddr": q.dst, "reply " + ip + " daddr": q.src,
	} {
		f[ruleset.Field("ct "+field)] = []ruleset.Range{ruleset.Only(ruleset.Addr(a))}
	}
	if p.proto != 6 && p.proto != 17 {
		return
	}
	for field, port := range map[string]uint16{
		"original proto-src": q.sport, "original proto-dst": q.dport, "reply proto-src": q.dport, "reply proto-dst": q.sport,
	} {
		f[ruleset.Field("ct "+field)] = []ruleset.Range{ruleset.Span(uint64(port), uint64(port))}
	}
}
