package collect

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/nft"
)

// TestJudgeNFT holds what rules' conditions say of packets to what the kernel
// does with them: generated rules, each with a counter, and generated packets.
func TestJudgeNFT(t *testing.T) {
	ns := newNS(t)
	run(t, ns, "", "sh", "-ec", `
		sysctl -qw net.ipv6.conf.default.disable_ipv6=1
		ip link add v0 type veth peer name v1; sysctl -qw net.ipv6.conf.v0.disable_ipv6=0; ip link set v0 up; ip link set v1 up
		ip link add br0 type bridge; ip link add p0 type veth peer name p1
		ip link set p0 master br0; ip link set br0 up; ip link set p0 up; ip link set p1 up`)
	rounds, packets := 2, 45
	if corpus.Whole() {
		rounds, packets = 8, 200
	}
	total := &tally{}
	for seed := range uint64(rounds) {
		for _, fam := range []ruleset.Family{ruleset.IP, ruleset.IP6, ruleset.Inet, ruleset.Bridge, ruleset.Netdev} {
			j := newNFTRound(t, ns, fam, rand.New(rand.NewPCG(seed, uint64(fam))), seed%2 == 1)
			j.round(packets)
			total.add(&j.tally)
		}
	}
	t.Logf("%d yes, %d no, %d maybe", total.yes, total.no, total.maybe)
	if all := total.yes + total.no + total.maybe; total.maybe*10 > all || total.yes*10 < all {
		t.Errorf("too little is told: %d yes, %d no, %d maybe", total.yes, total.no, total.maybe)
	}
}

type tally struct{ yes, no, maybe int }

func (t *tally) add(u *tally) { t.yes, t.no, t.maybe = t.yes+u.yes, t.no+u.no, t.maybe+u.maybe }

// nftRound is one ruleset that packets are sent through.
type nftRound struct {
	tally
	t       *testing.T
	ns      *netns.NS
	fam     ruleset.Family
	ct      bool
	frames  frameMaker
	rules   ruleMaker
	link    string // that the packets come in by
	index   int
	style   *nft.Style
	at      *nftPlace // nil for what comes in by the link
	skipped int       // packets that the chain was not asked for
	host    *Host
	counted map[string]uint64 // by chain and rule
	// What packets must be, by chain and rule: as the kernel has the rules, and
	// as their listing says them.
	native, text map[string][]ruleset.Condition
	refused      bool // some of the listing cannot be read
}

func newNFTRound(t *testing.T, ns *netns.NS, fam ruleset.Family, r *rand.Rand, ct bool) *nftRound {
	t.Helper()
	ct = ct && fam != ruleset.Bridge && fam != ruleset.Netdev
	j := &nftRound{t: t, ns: ns, fam: fam, ct: ct, link: "v0", host: New(ns), style: nftStyle(t, ns), counted: map[string]uint64{}}
	if fam == ruleset.Bridge {
		j.link = "p0"
	}
	j.frames = frameMaker{r: r, fragments: !ct}
	j.rules = ruleMaker{r: r, fam: fam, ct: ct, link: j.link}
	err := ns.Do(func() error {
		l, err := net.InterfaceByName(j.link)
		if err == nil {
			j.index = l.Index
			copy(j.frames.to[:], l.HardwareAddr)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func (j *nftRound) round(packets int) {
	j.t.Helper()
	script := j.rules.script()
	if !loadLines(j.ns, script) {
		_, stderr, _ := tryRun(j.ns, strings.Join(script, "\n")+"\n", "nft", "-f", "/dev/stdin")
		j.t.Fatalf("%v: nothing can be loaded: %s", j.fam, stderr)
	}
	j.native = conditionsOf(j.read(true))
	if j.at == nil { // elsewhere too it would show what nft leaves out of listings
		j.text = j.fromText()
	}
	send := j.sender()
	for n := range packets {
		f := j.frame(j.fam == ruleset.IP6 || j.fam != ruleset.IP && n%2 == 1)
		send(f)
		after := j.wait(uint64(n + 1))
		for _, ch := range after.Chains {
			if ch.Name == "tested" {
				j.chain(after, ch, f)
			}
		}
		for _, ch := range after.Chains {
			for i := range ch.Rules {
				j.counted[ruleKey(ch, i)] = packetsOf(&ch.Rules[i])
			}
		}
		if j.t.Failed() {
			return
		}
	}
}

// frame is a packet that comes to the chain.
func (j *nftRound) frame(v6 bool) *frame {
	for {
		f := j.frames.frame(v6)
		if j.surround(f); j.at == nil || j.at.place(j, f, v6) {
			return f
		}
	}
}

// fromText is the conditions of the same rules, read from a listing.
func (j *nftRound) fromText() map[string][]ruleset.Condition {
	j.t.Helper()
	native, err := j.host.NFTables()
	if err != nil {
		j.t.Fatal(err)
	}
	listing := native.AppendList(nil, &nft.Style{})
	parsed, err := nft.ParseRuleset(bytes.NewReader(listing), "listing")
	if len(parsed.Tables) != 1 {
		j.t.Fatalf("%v: the listing is not read: %v\n%s", j.fam, err, listing)
	}
	j.refused = err != nil // nft lists rules that it would not take: of two protocols at once
	return conditionsOf(parsed.Tables[0].Model(&nft.Style{}, true))
}

func conditionsOf(t *ruleset.Table) map[string][]ruleset.Condition {
	conditions := map[string][]ruleset.Condition{}
	for _, ch := range t.Chains {
		for i := range ch.Rules {
			conditions[ruleKey(ch, i)] = ch.Rules[i].When
		}
	}
	return conditions
}

func ruleKey(ch *ruleset.Chain, i int) string { return fmt.Sprintf("%s %d", ch.Name, i) }

func packetsOf(r *ruleset.Rule) uint64 {
	if r.Counter == nil {
		return 0
	}
	return r.Counter.Packets
}

// surround adds what is known of a packet by where it is.
func (j *nftRound) surround(f *frame) {
	for field, name := range map[ruleset.Field]string{
		ruleset.InName: j.link, ruleset.OutName: "", ruleset.InPort: "", ruleset.OutPort: "",
	} {
		f.facts[field] = []ruleset.Range{ruleset.Only(ruleset.Name(name))}
	}
	if j.fam == ruleset.Bridge {
		f.facts[ruleset.InPort] = []ruleset.Range{ruleset.Only(ruleset.Name("br0"))}
	}
	f.facts[ruleset.InIndex] = []ruleset.Range{ruleset.Span(uint64(j.index), uint64(j.index))}
	f.facts[ruleset.OutIndex] = []ruleset.Range{ruleset.Span(0, 0)}
	if _, port := f.facts[ruleset.DestPort]; j.ct && port && f.facts[ruleset.L4Proto][0].From.Low == isUDP {
		f.facts[ruleset.CTState] = []ruleset.Range{ruleset.Span(8, 8)}
		f.facts[ruleset.CTDir] = []ruleset.Range{ruleset.Span(0, 0)}
		f.facts[ruleset.CTMark] = []ruleset.Range{ruleset.Span(0, 0)}
		f.facts[ruleset.CTProto] = f.facts[ruleset.L4Proto]
		f.facts[ruleset.CTDestPort] = f.facts[ruleset.DestPort]
		f.facts[ruleset.CTSource], f.facts[ruleset.CTDest] = f.facts[ruleset.IPSource], f.facts[ruleset.IPDest]
		f.facts[ruleset.CTSource6], f.facts[ruleset.CTDest6] = f.facts[ruleset.IP6Source], f.facts[ruleset.IP6Dest]
	}
}

// sender writes frames to the other end of the link.
func (j *nftRound) sender() func(*frame) {
	if j.at != nil && j.at.sent {
		return j.rawSender()
	}
	return frameSender(j.t, j.ns, strings.Replace(j.link, "0", "1", 1))
}

func (j *nftRound) read(when bool) *ruleset.Table {
	j.t.Helper()
	native, err := j.host.NFTables()
	if err != nil || len(native.Tables) != 1 {
		j.t.Fatalf("%d tables: %v", len(native.Tables), err)
	}
	return native.Tables[0].Model(j.style, when)
}

// wait reads until the last rule has seen n packets.
func (j *nftRound) wait(n uint64) *ruleset.Table {
	j.t.Helper()
	var m *ruleset.Table
	lab.Await(j.t, func() string {
		m = j.read(false)
		if came := packetsOf(&m.Chain("ending").Rules[0]); came != n {
			return fmt.Sprintf("%v: packet %d did not come through, but %d", j.fam, n, came)
		}
		return ""
	})
	return m
}

// chain compares every rule.
func (j *nftRound) chain(m *ruleset.Table, ch *ruleset.Chain, f *frame) {
	j.t.Helper()
	came := m.Chain("came")
	passedBy := came != nil && packetsOf(&came.Rules[0]) == j.counted[ruleKey(came, 0)]
	if passedBy {
		j.skipped++
	}
	for i := range ch.Rules {
		r := ch.Rules[i]
		key := ruleKey(ch, i)
		r.When = j.native[key]
		said := r.Judge(f.facts)
		var hit bool
		if chosen := choice(r.When); chosen != nil {
			hit = j.chosen(m, &r, chosen, f)
		} else {
			hit = packetsOf(&r) > j.counted[key]
		}
		if passedBy && !hit {
			continue
		}
		switch said {
		case ruleset.Yes:
			j.yes++
		case ruleset.No:
			j.no++
		default:
			j.maybe++
		}
		fromText := ruleset.Rule{When: j.text[key]}
		also := fromText.Judge(f.facts)
		leftOut := len(fromText.When) < len(r.When) // what nft takes for implied, rightly or not
		if j.text != nil && !leftOut && also != said && said != ruleset.Maybe && !matchesNothing(r.When) && !(j.refused && also == ruleset.Maybe) {
			j.t.Errorf("%v: judged %d, but %d from text: %s\n\t%+v\n\t%+v\n\t%s", j.fam, said, also, r.Text, r.When, fromText.When, factsText(f.facts))
		}
		if said == ruleset.Yes && !hit || said == ruleset.No && hit {
			j.t.Errorf("%v: nftRound %d, hit %v: %s\n\t%+v\n\t%s", j.fam, said, hit, r.Text, r.When, factsText(f.facts))
		}
	}
}

// matchesNothing: a value that its mask cannot leave. nft lists it as a prefix,
// which reads as another rule.
func matchesNothing(when []ruleset.Condition) bool {
	return slices.ContainsFunc(when, func(c ruleset.Condition) bool { return len(c.Rows) == 0 && c.Set == "" })
}

func choice(when []ruleset.Condition) *ruleset.Condition {
	for i := range when {
		if when[i].Chooses {
			return &when[i]
		}
	}
	return nil
}

// chosen tells whether a map led to a chain, which must be a candidate's.
func (j *nftRound) chosen(m *ruleset.Table, r *ruleset.Rule, c *ruleset.Condition, f *frame) (hit bool) {
	j.t.Helper()
	candidates := map[string]bool{}
	for _, row := range c.Candidates(f.facts) {
		candidates[row.Target] = true
	}
	for i := range c.Rows {
		to := m.Chain(c.Rows[i].Target)
		if packetsOf(&to.Rules[0]) == j.counted[ruleKey(to, 0)] {
			continue
		}
		hit = true
		if !candidates[to.Name] {
			j.t.Errorf("%v: went to %s, which is no candidate: %s\n\t%+v\n\t%s", j.fam, to.Name, r.Text, c, factsText(f.facts))
		}
	}
	return hit
}
