package live

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
	"github.com/pktrail/pktrail/ruleset"
)

// crossing is how a packet meets the router.
type crossing struct {
	name   string
	from   string // namespace
	chain  string // of the filter table
	passed journey.Result
	answer journey.Result // of what a reject there sends
}

func crossings() []crossing {
	return []crossing{
		{"forwarded", "client", "FORWARD", journey.Forwarded, journey.Sent},
		{"to the host", "client", "INPUT", journey.Delivered, journey.Sent},
		{"from the host", "rt", "OUTPUT", journey.Sent, journey.Delivered},
	}
}

func (c crossing) ends(s side) (src, dst string) {
	switch c.chain {
	case "INPUT":
		return s.client, s.host
	case "OUTPUT":
		return s.router, s.server
	}
	return s.client, s.server
}

// fate is what is to become of one packet, whatever its family and way.
type fate struct {
	name    string
	tcp     bool
	dport   uint16
	result  journey.Result // "" is that of the crossing
	verdict ruleset.Verdict
	chain   string // "" is that of the crossing
	number  int    // 0 is the policy
	with    func(side) string
	marked  bool
	// The words of the deciding rule, of a rule that let it pass where it passed.
	iptables, nft string
}

func fates() []fate {
	reset := func(side) string { return "tcp-reset" }
	return []fate{
		{name: "untouched", dport: 1001, verdict: ruleset.Accept, number: 5, iptables: "--dports 1001,8080,8081 -j ACCEPT", nft: "accept"},
		{name: "dropped for its mark", dport: 1002, result: journey.Dropped, verdict: ruleset.Drop, chain: "GUARD", number: 1,
			marked: true, iptables: "-A GUARD -j DROP", nft: "drop"},
		{name: "rejected", dport: 1003, result: journey.Rejected, verdict: ruleset.Reject, number: 3,
			with: side.reject, iptables: "--dport 1003 -j REJECT --reject-with icmp", nft: "reject"},
		{name: "reset", tcp: true, dport: 1003, result: journey.Rejected, verdict: ruleset.Reject, number: 4,
			with: reset, iptables: "-j REJECT --reject-with tcp-reset", nft: "reject with tcp reset"},
		{name: "dropped by policy", dport: 1999, result: journey.Dropped, verdict: ruleset.Drop},
		{name: "queued", dport: 1004, result: journey.Queued, verdict: ruleset.Queue, number: 7,
			iptables: "-j NFQUEUE --queue-num 9", nft: "queue"},
	}
}

func TestEveryOutcome(t *testing.T) {
	for _, w := range []lab.World{lab.Legacy, lab.IptablesNFT, lab.NFT} {
		t.Run(string(w), func(t *testing.T) {
			t.Parallel()
			everyOutcome(t, w)
		})
	}
}

func everyOutcome(t *testing.T, w lab.World) {
	l := lab.New(t, "router")
	lab.Need(t, w)
	queue := w != lab.NFT || canQueue(t, l)
	for _, s := range sides() {
		run(t, l, "rt", "ip", "route", "add", s.service, "via", s.server)
		load(t, l, "rt", w, s.loadedAs(w), s.rules(w, queue))
	}
	running := watch(t, l, Options{}, "rt")
	before := counters(t, l, w)
	for _, s := range sides() {
		for i, c := range crossings() {
			for k, f := range fates() {
				send(t, l, c.from, f.packet(t, s, c, sport(i, k)))
			}
			send(t, l, c.from, toService(t, s, c, sport(i, len(fates()))))
		}
	}
	to := running.stop()
	for _, s := range sides() {
		for i, c := range crossings() {
			for k, f := range fates() {
				if f.result == journey.Queued && !queue {
					continue
				}
				t.Run(s.name()+" "+c.name+" "+f.name, func(t *testing.T) {
					f.check(t, &to, w, s, c, to.on(t, s, sport(i, k)))
				})
			}
			t.Run(s.name()+" "+c.name+" translated", func(t *testing.T) {
				checkService(t, s, c, to.on(t, s, sport(i, len(fates()))))
			})
		}
	}
	sure(t, &to)
	counted(t, &to)
	equal(t, before, counters(t, l, w), &to)
}

func sport(crossing, fate int) uint16 { return uint16(20000 + 100*crossing + fate) }

// canQueue reports whether the kernel has nft's queue expression.
func canQueue(t *testing.T, l *lab.Lab) bool {
	_, err := l.Exec(t.Context(), "client", "nft", "add table ip q; add chain ip q c; add rule ip q c queue num 9")
	return err == nil
}

func (f *fate) packet(t *testing.T, s side, c crossing, sport uint16) []byte {
	src, dst := c.ends(s)
	if f.tcp {
		return segment(t, src, dst, sport, f.dport, packet.SYN)
	}
	return datagram(t, src, dst, sport, f.dport)
}

// on is the only journey of a packet that left its sender with a source port.
func (to *told) on(t *testing.T, s side, sport uint16) *journey.Journey {
	t.Helper()
	var found *journey.Journey
	for _, j := range to.journeys {
		p := &j.Packet
		if p.SrcPort == nil || *p.SrcPort != sport || p.Src.Is6() != (s.family == packet.IPv6) {
			continue
		}
		if found != nil {
			t.Fatalf("two journeys of port %d:\n%s%s", sport, show(found), show(j))
		}
		found = j
	}
	if found == nil {
		t.Fatalf("no journey of port %d among\n%s", sport, all(to.journeys))
	}
	return found
}

func (f *fate) check(t *testing.T, to *told, w lab.World, s side, c crossing, j *journey.Journey) {
	result, chain, text := f.result, f.chain, f.iptables
	if result == "" {
		result = c.passed
	}
	if chain == "" {
		chain = c.chain
	}
	table := "filter"
	if w == lab.NFT {
		text, table = f.nft, "filtering"
	}
	o := &j.Outcome
	if o.Result != result || o.Step == nil || o.Why == "" {
		t.Fatalf("want %s\n%s", result, show(j))
	}
	with := ""
	if f.with != nil {
		with = f.with(s)
	}
	if o.With != with {
		t.Errorf("answered with %q, want %q\n%s", o.With, with, show(j))
	}
	st := &j.Steps[*o.Step]
	if f.result == "" {
		st = ruleIn(j, table, chain)
	}
	if st == nil || st.Rule == nil || st.Rule.Table != table || st.Rule.Chain != chain || st.Rule.Number != f.number ||
		st.Verdict != f.verdict || !strings.Contains(st.Rule.Text, text) || st.Rule.Doubt != "" || st.Family != s.name() {
		t.Errorf("want rule %d of %s %s, %q, %s\n%s", f.number, table, chain, text, f.verdict, show(j))
	}
	if (f.number == 0) != (st.Kind == journey.KindPolicy) {
		t.Errorf("step of kind %s for rule %d\n%s", st.Kind, f.number, show(j))
	}
	if w == lab.Legacy != (st.Rule.Backend == ruleset.Legacy) || (w == lab.NFT) != (st.Rule.Dialect == ruleset.Nftables) {
		t.Errorf("rule of %s %s in world %s", st.Rule.Backend, st.Rule.Dialect, w)
	}
	f.checkMark(t, j)
	if len(rules(j, journey.KindNAT)) > 0 {
		t.Errorf("translated\n%s", show(j))
	}
	if f.with != nil {
		checkAnswer(t, to, c, with, j)
	}
}

// ruleIn is the first step of a rule in a chain, or nil.
func ruleIn(j *journey.Journey, table, chain string) *journey.Step {
	for _, st := range rules(j, journey.KindRule) {
		if st.Rule.Table == table && st.Rule.Chain == chain {
			return st
		}
	}
	return nil
}

// checkMark wants the mark's change as a step of its own, right behind the rule
// that made it, and rule, change and jump among the causes.
func (f *fate) checkMark(t *testing.T, j *journey.Journey) {
	marks := rules(j, journey.KindMark)
	if !f.marked {
		if len(marks) != 0 {
			t.Errorf("marked\n%s", show(j))
		}
		return
	}
	i := slices.IndexFunc(j.Steps, func(st journey.Step) bool { return st.Kind == journey.KindMark })
	if len(marks) != 1 || marks[0].Mark.From != 0 || marks[0].Mark.To != 2 || i == 0 || j.Steps[i-1].Rule == nil || j.Steps[i-1].Rule.Chain != "MARKED" {
		t.Fatalf("want one change of the mark behind chain MARKED\n%s", show(j))
	}
	because := j.Outcome.Because
	jump := slices.IndexFunc(j.Steps, func(st journey.Step) bool { return st.Rule != nil && st.Rule.Target == "GUARD" })
	for _, want := range []int{i - 1, i, jump} {
		if !slices.Contains(because, want) {
			t.Errorf("because %v lacks step %d\n%s", because, want, show(j))
		}
	}
	if !strings.Contains(j.Outcome.Why, "MARKED") || !strings.Contains(j.Outcome.Why, "GUARD") {
		t.Errorf("why: %s", j.Outcome.Why)
	}
}

func checkAnswer(t *testing.T, to *told, c crossing, with string, j *journey.Journey) {
	for _, l := range j.Links {
		a := to.byID(l.ID)
		if l.Kind != journey.LinkAnswer || a == nil {
			continue
		}
		if a.Outcome.Result != c.answer || a.Packet.Dst != j.Packet.Src {
			t.Errorf("the answer went astray\n%s%s", show(j), show(a))
		}
		if (with == "tcp-reset") != (a.Packet.TCP != nil && strings.Contains(a.Packet.TCP.Flags, "R")) {
			t.Errorf("answered %s with\n%s", with, show(a))
		}
		if !slices.ContainsFunc(a.Links, func(l journey.Link) bool { return l.Kind == journey.LinkAnswer && l.ID == j.ID }) {
			t.Errorf("the answer does not name its question\n%s", show(a))
		}
		return
	}
	t.Errorf("no linked answer\n%s", show(j))
}

// toService is a packet that is translated in destination and source.
func toService(t *testing.T, s side, c crossing, sport uint16) []byte {
	src, _ := c.ends(s)
	port := uint16(80)
	if c.chain == "INPUT" {
		port = 81
	}
	return datagram(t, src, s.service, sport, port)
}

func checkService(t *testing.T, s side, c crossing, j *journey.Journey) {
	if j.Outcome.Result != c.passed {
		t.Fatalf("want %s\n%s", c.passed, show(j))
	}
	nats := rules(j, journey.KindNAT)
	if len(nats) != 2 {
		t.Fatalf("want two translations\n%s", show(j))
	}
	dst, src := nats[0].NAT, nats[1].NAT
	to, port, before := s.server, uint16(8080), uint16(80)
	if c.chain == "INPUT" {
		to, port, before = s.host, 8081, 81
	}
	if dst.Dst == nil || dst.Dst.From.String() != s.service || dst.Dst.To.String() != to || dst.DPort == nil || dst.DPort.From != before || dst.DPort.To != port || dst.Src != nil || dst.By != "rule" {
		t.Errorf("destination: %s\n%s", translated(dst), show(j))
	}
	switch {
	case c.chain == "INPUT" && (src.Src == nil || src.Src.To.String() != s.stranger),
		c.chain == "FORWARD" && (src.Src == nil || src.Src.From.String() != s.client || src.Src.To.String() != s.router),
		c.chain != "INPUT" && (src.SPort == nil || src.SPort.To < 40000 || src.SPort.To > 40010):
		t.Errorf("source: %s\n%s", translated(src), show(j))
	}
	if src.By != "rule" || src.Dst != nil {
		t.Errorf("source: %s\n%s", translated(src), show(j))
	}
	hook := map[string]ruleset.Hook{"INPUT": ruleset.Input}[c.chain]
	if hook == "" {
		hook = ruleset.Postrouting
	}
	if nats[1].Hook != hook {
		t.Errorf("source translated in %s, want %s\n%s", nats[1].Hook, hook, show(j))
	}
	for i := range j.Steps { // right behind the rule
		if j.Steps[i].Kind == journey.KindNAT && (i == 0 || j.Steps[i-1].Rule == nil || j.Steps[i-1].Rule.Effect.NAT == "") {
			t.Errorf("translation %d does not follow its rule\n%s", i, show(j))
		}
	}
}

// sure wants every journey of a trace without crowds certain and complete.
func sure(t *testing.T, to *told) {
	t.Helper()
	for _, j := range to.journeys {
		if j.Identity != journey.Certain || !j.Complete || len(j.Missing) > 0 || j.Outcome.Result == journey.ResultUnknown {
			t.Errorf("not sure of\n%s", show(j))
		}
	}
	if c := to.counts; c.Foreign != 0 || c.Unattached != 0 || c.Undecoded != 0 || c.Lost.Count != 0 || c.Lost.More {
		t.Errorf("counted %+v", c)
	}
	if c := to.counts; c.HasLimits && c.Traced < int64(len(to.journeys)) {
		t.Errorf("%d packets traced, %d journeys", c.Traced, len(to.journeys))
	}
}

// counted wants a journey for each packet that our rules counted. One that comes in
// again over loopback meets them twice.
func counted(t *testing.T, to *told) {
	t.Helper()
	loops := 0
	for _, j := range to.journeys {
		loops += len(rules(j, journey.KindDevice))
	}
	if c := to.counts; !c.HasLimits || c.Traced != int64(len(to.journeys)+loops) {
		t.Errorf("%d packets traced, %d journeys, %d of them over loopback", c.Traced, len(to.journeys), loops)
	}
}

// equal wants as many steps of every rule as its counter went up.
func equal(t *testing.T, before, after map[place]int, to *told) {
	t.Helper()
	steps := map[place]int{}
	for _, j := range to.journeys {
		for _, st := range rules(j, journey.KindRule) {
			steps[place{st.Family, st.Rule.Table, st.Rule.Chain, st.Rule.Number}]++
		}
	}
	hits := 0
	for p, n := range after {
		if n -= before[p]; n != steps[p] {
			t.Errorf("rule %s: counter went up by %d, %d steps", p, n, steps[p])
		}
		hits += steps[p]
		delete(steps, p)
	}
	if len(steps) > 0 || hits == 0 {
		t.Errorf("%d hits of known rules; steps of rules that do not exist: %v", hits, steps)
	}
}

func (p place) String() string {
	return fmt.Sprintf("%s %s %s %d", p.family, p.table, p.chain, p.number)
}
