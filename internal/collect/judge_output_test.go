package collect

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/iptnft"
	"github.com/pktrail/pktrail/ruleset/nft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// Rules about what only packets of the host itself have, and about labels of
// flows, which rules set: judged where they are sent, by all back ends.
func TestJudgeOutput(t *testing.T) {
	rules := []string{
		"-p udp -m udp --dport 1000 -m connlabel --label 5 --set", "-p udp -m udp --dport 1001 -m connlabel --label 100 --set",
		"-m connlabel --label 5", "-m connlabel ! --label 5", "-m connlabel --label 100", "-m connlabel ! --label 100", "-m connlabel ! --label 7",
		"-m cgroup --cgroup 0", "-m cgroup ! --cgroup 0", "-m cgroup --cgroup 5", "-m cgroup ! --cgroup 5",
		"-p udp -m udp ! --sport 2000 ! --dport 1000", "-p udp -m udp ! --sport 2000 --dport 1000", "-p udp -m udp ! --sport 2001 ! --dport 1000",
		"-m policy --dir out --pol none", "-m policy --dir out --pol ipsec", "-m owner --uid-owner 0 -m cpu --cpu 0", "-m owner --socket-exists",
	}
	processors := someProcessors(t)
	for _, n := range processors {
		rules = append(rules, fmt.Sprint("-m cpu --cpu ", n), fmt.Sprint("-m cpu ! --cpu ", n))
	}
	for i, r := range rules { // not for the answer, that nobody listens
		if !strings.HasPrefix(r, "-p") {
			rules[i] = "-p udp " + r
		}
	}
	for _, how := range []string{"legacy", "nft", "nft raw"} {
		t.Run(how, func(t *testing.T) {
			lab.Need(t, map[bool]lab.World{false: lab.Legacy, true: lab.IptablesNFT}[how != "legacy"])
			ns := newNS(t)
			load := restoreNFT
			if how == "legacy" {
				load = restore
			}
			listing := "*mangle\n:OUTPUT ACCEPT\n-A OUTPUT " + strings.Join(rules, "\n-A OUTPUT ") + "\nCOMMIT\n"
			if err := load(ns, ruleset.IP, listing); err != nil {
				t.Fatal(err)
			}
			c := &court{T: t, host: New(ns), rules: map[string][]ruleset.Rule{}}
			c.rules["OUTPUT"] = c.readOutput(how, true)
			before, told := counted(c.rules["OUTPUT"]), 0
			for n := range 12 {
				cpu, sport, dport := processors[n%len(processors)], uint16(2000+n/2%2), uint16(1000+n%3)
				sendFrom(t, ns, cpu, sport, dport)
				facts := outputFacts(cpu, sport, dport)
				after := counted(c.readOutput(how, false))
				for i, r := range c.rules["OUTPUT"] {
					hit := after[i] - before[i]
					switch v := r.Judge(facts); {
					case v == ruleset.Yes && hit == 1, v == ruleset.No && hit == 0:
						told++
					case v == ruleset.Maybe && (strings.Contains(rules[i], "--set") || how == "nft raw" && strings.Contains(rules[i], "socket-exists")):
					default:
						t.Errorf("judged %d, counted %d: %s from %d to %d on %d\n%s", v, hit, rules[i], sport, dport, cpu, reasons(r.When, facts))
					}
				}
				before = after
			}
			t.Logf("%d times told", told)
		})
	}
}

// someProcessors are at most four that this process may run on.
func someProcessors(t *testing.T) (all []int) {
	t.Helper()
	var may unix.CPUSet
	if err := unix.SchedGetaffinity(0, &may); err != nil {
		t.Fatal(err)
	}
	for n := 0; len(all) < min(4, may.Count()); n++ {
		if may.IsSet(n) {
			all = append(all, n)
		}
	}
	return all
}

// outputFacts are what is known of a packet behind the rules that set labels.
func outputFacts(cpu int, sport, dport uint16) ruleset.Facts {
	label := map[uint16]ruleset.Value{1000: ruleset.Number(1 << 5), 1001: {High: 1 << (100 - 64)}}[dport]
	f := ruleset.Facts{"ct label": {ruleset.Only(label)}}
	for field, n := range map[ruleset.Field]uint64{
		ruleset.L4Proto: 17, ruleset.SourcePort: uint64(sport), ruleset.DestPort: uint64(dport), ruleset.SocketUID: 0, ruleset.SocketGID: 0,
		"meta cgroup": 0, "meta cpu": uint64(cpu), "rt ipsec": 0,
	} {
		f[field] = []ruleset.Range{ruleset.Span(n, n)}
	}
	return f
}

func (c *court) readOutput(how string, when bool) []ruleset.Rule {
	c.Helper()
	if how == "legacy" {
		tables, err := c.host.XTables(ruleset.IP)
		if err != nil || len(tables) != 1 {
			c.Fatal(tables, err)
		}
		return tables[0].Model(when, nil).Chain("OUTPUT").Rules
	}
	native, err := c.host.NFTables()
	if err != nil || len(native.Tables) != 1 {
		c.Fatal(err)
	}
	if how == "nft raw" {
		none := func(ruleset.Family) ruleset.Members { return nil }
		return native.Tables[0].Model(&nft.Style{Asks: iptnft.AsksOf(nil, none)}, when).Chain("OUTPUT").Rules
	}
	table, err := iptnft.Table(native.Tables[0], xt.Env{Family: ruleset.IP})
	if err != nil {
		c.Fatal(err)
	}
	return table.Model(when, nil).Chain("OUTPUT").Rules
}

// sendFrom sends a datagram by one processor, from and to the host itself.
func sendFrom(t *testing.T, ns *netns.NS, cpu int, sport, dport uint16) {
	t.Helper()
	err := ns.Do(func() error { // on a thread of its own
		var was, one unix.CPUSet
		if err := unix.SchedGetaffinity(0, &was); err != nil {
			return err
		}
		one.Set(cpu)
		if err := unix.SchedSetaffinity(0, &one); err != nil {
			return err
		}
		defer func() { _ = unix.SchedSetaffinity(0, &was) }()
		conn, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(sport)}, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(dport)})
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		_, err = conn.Write([]byte("x"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
