package xt

import (
	"testing"

	"github.com/pktrail/pktrail/ruleset"
)

// smallARP is a table of the chain INPUT, with one rule that asks for everything
// and one that goes to another chain.
func smallARP() ([]byte, Hooks) {
	x := &blob{fam: ruleset.ARP}
	first := x.add(func(e []byte) {
		copy(e[0:], "\x0a\x00\x00\x00\x0a\x01\x02\x03\xff\x00\x00\x00\xff\xff\xff\xff\x06\xff")
		copy(e[arpSource:], "\x02\x00\x00\x00\x00\x01")
		copy(e[arpSource+16:], "\xff\xff\xff\xff\xff\xff")
		copy(e[arpOpcode:], "\x00\x02\xff\xff\x00\x18\xff\xff\x08\x00\xff\x00")
		copy(e[arpInterfaces:], "eth+")
		copy(e[arpInterfaces+32:], "\xff\xff\xff")
		e[arpInverted], e[arpInverted+1] = arpInvSource|arpInvOperation, arpInvProtocol>>8
	}, "", verdict(-1)...)
	second := x.add(nil, "", verdict(0)...)
	policy := x.add(nil, "", verdict(-2)...)
	x.add(nil, errorTarget, []byte("user\x00\x00\x00\x00")...)
	user := x.add(func(e []byte) { e[arpInterfaces], e[arpInverted] = '+', arpInvIn }, "mangle",
		data(48, field{0, "\x02\x00\x00\x00\x00\x01"}, field{36, "\x0a\x00\x00\x01"}, field{40, uint8(9)}, field{44, ^uint32(0)})...)
	x.add(nil, "", verdict(-5)...)
	x.add(nil, errorTarget, []byte(errorTarget+"\x00\x00\x00")...)
	copy(x.b[second+arpLayout().size+extensionHead:], verdict(user))
	h := Hooks{Valid: 1}
	h.Entry[0], h.Underflow[0] = uint32(first), uint32(policy)
	return x.b, h
}

func TestParseARPTable(t *testing.T) {
	b, h := smallARP()
	table, err := ParseTable("filter", h, b, env(ruleset.ARP))
	if err != nil {
		t.Fatal(err)
	}
	want := "*filter\n:INPUT ACCEPT\n:user -\n" +
		"-A INPUT -j DROP -i eth+ ! -s 10.0.0.0/8 --src-mac 02:00:00:00:00:01 -d 10.1.2.3 --h-length 6 ! --opcode 2 --h-type 0x18 ! --proto-type 0x800/0xff00 \n" +
		"-A INPUT -j user \n" +
		"-A user -j mangle ! -i + --mangle-mac-s 02:00:00:00:00:01 --mangle-ip-d 10.0.0.1 --mangle-target CONTINUE \n\n"
	if got := string(table.AppendSave(nil, false)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	m := table.Model(true, nil)
	if base := m.Chains[0].Base; base == nil || base.Hook != ruleset.Input || base.Priority != 0 {
		t.Errorf("INPUT at %+v", base)
	}
	if e := m.Chains[1].Rules[0].Effect; e.Verdict != ruleset.Continue || !e.Rewrites {
		t.Errorf("mangle is %+v", e)
	}
}

func TestARPTargets(t *testing.T) {
	for _, c := range []struct {
		want string
		t    Target
	}{
		{" --set-mark 5", ARPMark{TargetMark{5, 0}}},
		{" --set-mark 5", ARPMark{TargetMark{5, ^uint32(0)}}},
		{" --or-mark 5", ARPMark{TargetMark{5, 5}}},
		{" --and-mark fffffffa", ARPMark{TargetMark{0, 5}}},
		{" --set-xmark 0x1/0xff", ARPMark{TargetMark{1, 0xff}}},
		{" --set-class 1:a2", ARPClassify{TargetClassify{0x100a2}}},
		{" --mangle-target 7", ARPMangle{Ends: 7}},
		{"", ARPMangle{Ends: 1}},
	} {
		if got := string(c.t.AppendSave(nil)); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestARPConditions(t *testing.T) {
	six := [16]byte{2, 0, 0, 0, 0, 1}
	whole := [16]byte{255, 255, 255, 255, 255, 255}
	facts := ruleset.Facts{
		arpSourceMAC: {ruleset.Only(macValue([6]byte(six[:])))}, arpHType: {ruleset.Span(1, 1)}, arpHLen: {ruleset.Span(6, 6)},
		arpOperation: {ruleset.Span(2, 2)}, arpPType: {ruleset.Span(0x800, 0x800)}, arpPLen: {ruleset.Span(4, 4)},
		ruleset.InName: {ruleset.Names("eth0", false)},
	}
	for _, c := range []struct {
		text string // of the last condition
		want ruleset.Truth
		rule Rule
	}{
		{"--src-mac 02:00:00:00:00:01", ruleset.Yes, Rule{ARP: &ARP{SourceMAC: HardwareAddr{six, whole, false}}}},
		{"! --src-mac 02:00:00:00:00:01", ruleset.No, Rule{ARP: &ARP{SourceMAC: HardwareAddr{six, whole, true}}}},
		{"--dst-mac 02:00:00:00:00:01", ruleset.Maybe, Rule{ARP: &ARP{DestMAC: HardwareAddr{six, whole, false}}}},
		{"--opcode 2/3", ruleset.Yes, Rule{ARP: &ARP{Operation: ARPNumber{2, 3, false}}}},
		{"--opcode 4/3", ruleset.No, Rule{ARP: &ARP{Operation: ARPNumber{4, 3, false}}}}, // no number is 4 under 3
		{"--proto-type 0x806", ruleset.No, Rule{ARP: &ARP{ProtocolType: ARPNumber{0x806, 0xffff, false}}}},
		{"! --h-type 1", ruleset.No, Rule{ARP: &ARP{HardwareType: ARPNumber{1, 0xffff, true}}}},
		{"! -i +", ruleset.No, Rule{In: Interface{"+", true}, ARP: &ARP{}}},
		{"! -i br+", ruleset.Yes, Rule{In: Interface{"br+", true}, ARP: &ARP{}}},
		{"(protocol addresses of 4 bytes)", ruleset.Yes, Rule{ARP: &ARP{Ethernet: true}}},
	} {
		conditions := c.rule.Conditions(ruleset.ARP, nil)
		got := ruleset.Yes
		for _, condition := range conditions {
			got = min(got, condition.Judge(facts))
		}
		if last := conditions[len(conditions)-1].Text; got != c.want || last != c.text {
			t.Errorf("%q is %d, want %q and %d", last, got, c.text, c.want)
		}
	}
	long := Rule{ARP: &ARP{SourceMAC: HardwareAddr{Mask: [16]byte{15: 1}}}}
	if c := long.Conditions(ruleset.ARP, nil); len(c) != 1 || c[0].Why == "" {
		t.Errorf("%+v of an address of 16 bytes", c)
	}
}
