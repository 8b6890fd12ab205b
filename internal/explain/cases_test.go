package explain

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/ruleset"
)

func nftWorld() world    { return worlds()["nft"] }
func legacyWorld() world { return worlds()["legacy"] }

func with(s journey.Step, change func(*ruleset.Effect)) journey.Step {
	change(&s.Rule.Effect)
	return s
}

func to(s journey.Step, chain string) journey.Step {
	s.Verdict, s.Rule.Target = ruleset.Jump, chain
	return s
}

func TestBecause(t *testing.T) {
	n, l := nftWorld(), legacyWorld()
	mark := func(from, to uint32) journey.Step {
		return journey.Step{Kind: journey.KindMark, Hook: ruleset.Forward, Mark: &journey.Mark{From: from, To: to}}
	}
	setsMark := with(n.rule("early", 1, "", "meta mark set 0x4", ruleset.Continue), func(e *ruleset.Effect) { e.SetsMark = true })
	unknown := with(n.rule("early", 2, "", "", ruleset.Continue), func(e *ruleset.Effect) { e.Known = false })
	readsMark := func(s journey.Step) journey.Step {
		return with(s, func(e *ruleset.Effect) { e.ReadsMark = true })
	}
	drop := n.rule("end", 1, "", "drop", ruleset.Drop)
	ct := journey.Step{Kind: journey.KindCT, Hook: ruleset.Forward, CT: &journey.CT{State: "new"}}
	adds := with(n.rule("early", 3, "", "add @seen { ip saddr }", ruleset.Continue), func(e *ruleset.Effect) { e.WritesSets = []string{"seen"} })
	readsSet := with(n.rule("end", 2, "", "ip saddr @seen drop", ruleset.Drop), func(e *ruleset.Effect) { e.ReadsSets = []string{"seen"} })

	for name, c := range map[string]struct {
		steps []journey.Step
		want  []int
	}{
		"mark read by the rule":       {[]journey.Step{setsMark, mark(0, 4), readsMark(drop)}, []int{0, 1}},
		"mark read by the jump":       {[]journey.Step{setsMark, mark(0, 4), readsMark(to(n.rule("fwd", 1, "", "", ""), "end")), drop}, []int{0, 1, 2}},
		"mark of nobody that is seen": {[]journey.Step{mark(0, 4), readsMark(drop)}, []int{0}},
		"mark set again, unchanged":   {[]journey.Step{setsMark, mark(0, 4), setsMark, readsMark(drop)}, []int{0, 1}},
		"second change has no rule":   {[]journey.Step{setsMark, mark(0, 4), mark(4, 5), readsMark(drop)}, []int{2}},
		"a rule that nobody knows":    {[]journey.Step{setsMark, unknown, mark(0, 4), readsMark(drop)}, []int{2}},
		"mark set, change not seen":   {[]journey.Step{setsMark, readsMark(drop)}, []int{0}},
		"mark after the decision":     {[]journey.Step{readsMark(drop), setsMark, mark(0, 4)}, []int{}},
		"state":                       {[]journey.Step{ct, ct, with(drop, func(*ruleset.Effect) {}), ct}, []int{}},
		"set":                         {[]journey.Step{adds, ct, readsSet}, []int{0}},
		"set of another table":        {[]journey.Step{l.rule("x", 1, "", "", ""), readsSet}, []int{}},
		"jumps, the unrelated one not": {[]journey.Step{
			to(n.rule("fwd", 1, "", "", ""), "other"), n.rule("other", 1, "", "", ruleset.Continue),
			to(n.rule("fwd", 2, "", "", ""), "mid"), to(n.rule("mid", 1, "", "", ""), "end"), drop}, []int{2, 3}},
		"jump of another table": {[]journey.Step{to(l.rule("fwd", 1, "", "", ""), "end"), drop}, []int{}},
	} {
		t.Run(name, func(t *testing.T) {
			d := len(c.steps) - 1
			for i := range c.steps {
				if c.steps[i].Verdict == ruleset.Drop {
					d = i
				}
			}
			j := n.journey(journey.Dropped, d, c.steps...)
			Explain(j)
			if diff := cmp.Diff(c.want, j.Outcome.Because); diff != "" {
				t.Errorf("because (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStateIsACause(t *testing.T) {
	n := nftWorld()
	ct := journey.Step{Kind: journey.KindCT, CT: &journey.CT{State: "invalid", Direction: "reply"}}
	drop := with(n.rule("fwd", 1, "", "ct state invalid drop", ruleset.Drop), func(e *ruleset.Effect) { e.ReadsCT = true })
	j := n.journey(journey.Dropped, 1, ct, drop)
	Explain(j)
	if diff := cmp.Diff([]int{0}, j.Outcome.Because); diff != "" {
		t.Errorf("because (-want +got):\n%s", diff)
	}
	want := []string{n.show("fwd"), "conntrack -L -p tcp --reply-src 10.1.0.2 --reply-dst 10.2.0.2 --reply-port-src 41234 --reply-port-dst 8080"}
	if diff := cmp.Diff(want, j.Outcome.Try); diff != "" {
		t.Errorf("try (-want +got):\n%s", diff)
	}
}

func TestWhyTellsWhatLedThere(t *testing.T) {
	w := legacyWorld()
	set := with(w.rule("PREROUTING", 3, "-j MARK --set-mark 4", "", ruleset.Continue), func(e *ruleset.Effect) { e.SetsMark = true })
	mark := journey.Step{Kind: journey.KindMark, Mark: &journey.Mark{To: 4}}
	jump := with(to(w.rule("FORWARD", 2, "-m mark --mark 0x4 -j BLOCKED", "", ""), "BLOCKED"), func(e *ruleset.Effect) { e.ReadsMark = true })
	j := w.journey(journey.Dropped, 3, set, mark, jump, w.rule("BLOCKED", 1, "-j DROP", "", ruleset.Drop))
	Explain(j)
	want := "rule 1 of chain BLOCKED in table filter (legacy) drops it: -j DROP; rule 2 of chain FORWARD led there: -m mark --mark 0x4 -j BLOCKED; " +
		"its mark 0x4 was set by rule 3 of chain PREROUTING in table filter (legacy)"
	if diff := cmp.Diff(want, j.Outcome.Why); diff != "" {
		t.Errorf("why (-want +got):\n%s", diff)
	}
}

// What is not known is never claimed.
func TestDoubt(t *testing.T) {
	l, n := legacyWorld(), nftWorld()
	noText := l.policy("FORWARD", ruleset.Drop)
	noText.Rule.NoText = "iptables-legacy-save is not installed"
	doubted := n.rule("fwd", 0, "", "drop", ruleset.Drop)
	doubted.Rule.Doubt = "the table changed"
	device := journey.Step{Kind: journey.KindDevice, Hook: ruleset.Forward, Device: &journey.Device{From: "a", To: "b"}}

	for name, c := range map[string]struct {
		j    *journey.Journey
		why  string
		tips int
	}{
		"policy or bare rule": {l.journey(journey.Dropped, 0, noText),
			"the end of chain FORWARD in table filter (legacy) drops it: the chain's policy, or a last rule without any match (the rules are not known: iptables-legacy-save is not installed)", 1},
		"text in doubt": {n.journey(journey.Dropped, 0, doubted),
			"the rule with handle 17 of chain fwd in table inet filter drops it: drop (this text may be of another rule: the table changed)", 1},
		"no step":             {n.journey(journey.Dropped, -1), "it was dropped, and which rule or policy did it was not seen", 0},
		"step out of range":   {n.journey(journey.Dropped, 7), "it was dropped, and which rule or policy did it was not seen", 0},
		"step without a rule": {n.journey(journey.Dropped, 0, device), "it was dropped, and which rule or policy did it was not seen", 0},
		"nothing seen":        {n.journey(journey.ResultUnknown, -1), "no chain reported it, so what became of it is not known", 0},
		"answer not seen": {n.journey(journey.Rejected, 0, n.rule("fwd", 1, "", "reject", ruleset.Drop)),
			"rule 1 of chain fwd in table inet filter rejects it: reject; its answer was not seen", 1},
		"stolen": {n.journey(journey.Dropped, 0, n.rule("fwd", 1, "", "synproxy", ruleset.Stolen)),
			"rule 1 of chain fwd in table inet filter takes it for itself: synproxy", 1},
	} {
		t.Run(name, func(t *testing.T) {
			Explain(c.j)
			if diff := cmp.Diff(c.why, c.j.Outcome.Why); diff != "" {
				t.Errorf("why (-want +got):\n%s", diff)
			}
			if len(c.j.Outcome.Try) != c.tips {
				t.Errorf("try = %q, want %d", c.j.Outcome.Try, c.tips)
			}
		})
	}
}

func TestGivenWhyStays(t *testing.T) {
	n := nftWorld()
	j := n.journey(journey.ResultUnknown, -1, n.policy("FORWARD", ruleset.Accept))
	j.Outcome.Why = "not seen again after forward"
	Explain(j)
	if j.Outcome.Why != "not seen again after forward" || len(j.Outcome.Try) == 0 {
		t.Errorf("outcome = %+v", j.Outcome)
	}
}

func TestIncompleteClaimsLess(t *testing.T) {
	n := nftWorld()
	j := n.journey(journey.Forwarded, -1, n.policy("FORWARD", ruleset.Accept))
	j.Complete = false
	Explain(j)
	if want := "every chain that was seen let it pass"; !strings.HasPrefix(j.Outcome.Why, want) {
		t.Errorf("why = %q, want %q…", j.Outcome.Why, want)
	}
}

func TestCommandsEnterTheNamespace(t *testing.T) {
	for name, want := range map[string]string{
		"rt": "ip netns exec rt nft", "host": "nft", "self": "nft", "": "nft", "pid 77": "nsenter -t 77 -n nft",
		"/run/docker/netns/ab": "nsenter --net=/run/docker/netns/ab nft", "a b": "ip netns exec 'a b' nft",
	} {
		n := nftWorld()
		s := n.rule("fwd", 1, "", "drop", ruleset.Drop)
		s.Netns = &journey.Netns{Name: name}
		j := n.journey(journey.Dropped, 0, s)
		Explain(j)
		if got := j.Outcome.Try[0]; !strings.HasPrefix(got, want+" ") {
			t.Errorf("namespace %q: try %q, want %q…", name, got, want)
		}
	}
}

// A chain's name is whatever its maker typed, and commands get pasted into a root shell.
func TestHostileNames(t *testing.T) {
	n := nftWorld()
	for name, want := range map[string]string{
		"a;reboot": "'a;reboot'", "$(reboot)": "'$(reboot)'", "it's": `'it'\''s'`, "a\nreboot": "", "\x1b[2J": "",
	} {
		j := n.journey(journey.Dropped, 0, n.policy(name, ruleset.Drop))
		j.Steps[0].Kind = journey.KindRule
		Explain(j)
		got := strings.Join(j.Outcome.Try, "\n")
		if want != "" {
			want = "nft -a list chain inet filter " + want
		}
		if got != want {
			t.Errorf("chain %q: try %q, want %q", name, got, want)
		}
	}
}

func TestQueueOf(t *testing.T) {
	for text, want := range map[string]string{
		"-j NFQUEUE --queue-num 5":                      "5",
		"-j NFQUEUE --queue-balance 0:3 --queue-bypass": "0-3",
		"tcp dport 22 queue to 2-4":                     "2-4",
		"queue num 7 bypass":                            "7",
		"queue flags bypass,fanout to 1-3":              "1-3",
		"queue to symhash mod 2":                        "",
		"ip daddr set to 5":                             "",
		"queue":                                         "",
		"-j NFQUEUE --queue-num":                        "",
	} {
		if got := queueOf(text); got != want {
			t.Errorf("queueOf(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestRuleText(t *testing.T) {
	for _, c := range []struct {
		dialect     ruleset.Dialect
		chain, text string
		want        string
	}{
		{ruleset.Iptables, "FORWARD", "-A FORWARD -j DROP", "-j DROP"},
		{ruleset.Iptables, "FORWARD", "[3:180] -A FORWARD -j DROP", "-j DROP"},
		{ruleset.Iptables, "a b", `-A "a b" -j DROP`, "-j DROP"},
		{ruleset.Iptables, "F", "-A FORWARD -j DROP", "-A FORWARD -j DROP"},
		{ruleset.Iptables, "F", "-A F", "(no match, no target)"},
		{ruleset.Nftables, "F", " tcp dport 1 drop ", "tcp dport 1 drop"},
	} {
		if got := RuleText(&journey.Rule{Dialect: c.dialect, Chain: c.chain, Text: c.text}); got != c.want {
			t.Errorf("RuleText(%q) = %q, want %q", c.text, got, c.want)
		}
	}
}
