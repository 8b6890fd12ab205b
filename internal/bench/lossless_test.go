package bench

import (
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"github.com/pktrail/pktrail/internal/lab"
)

// The promises.
const (
	timesPeer   = 5
	eventsSec   = 150_000
	linesSec    = 60_000
	searchBegin = 2000 // packets/s
)

// search looks for the highest rate at which a tracer reports every packet
// wholly, and returns what it then carried, in packets/s; 0 where even slow
// packets were lost. It begins at guess.
func (tr *tracer) search(t *testing.T, s scale, guess float64) (best probe) {
	t.Helper()
	ok, bad := 0.0, math.Inf(1)
	try := func(rate float64) (higher bool) {
		p := tr.unhindered(t, rate, s)
		switch {
		case !p.lossless:
			bad = min(bad, rate)
			return false
		case p.carried > best.carried:
			best = p
		}
		ok = max(ok, rate)
		return !p.hindered(rate) && rate < s.most
	}
	rate := guess
	for try(rate) {
		rate *= 1.5
	}
	for rate = guess / 1.5; ok == 0 && rate > searchBegin/20; rate /= 1.5 {
		try(rate)
	}
	for range s.steps {
		if ok == 0 || math.IsInf(bad, 1) {
			break
		}
		try(math.Sqrt(ok * bad))
	}
	return best
}

// hindered reports whether the sender did not come to send at the rate.
func (p *probe) hindered(rate float64) bool { return p.offered < 0.95*rate }

// unhindered is a probe at a rate, made again when the sender was held up: by
// something else that this machine does, or for good when its cores are all used.
func (tr *tracer) unhindered(t *testing.T, rate float64, s scale) (p probe) {
	t.Helper()
	for range 2 {
		var err error
		if p, err = tr.probe(t, rate, s.probe); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %.0f packets/s offered: carried %.0f, %d whole of %d reported, %d messages dropped: lossless %v",
			filepath.Base(tr.argv[0]), p.offered, p.carried, p.whole, p.packets, p.dropped, p.lossless)
		if !p.hindered(rate) {
			break
		}
	}
	return p
}

// compare lets peer and pktrail take turns, each searching from where it was
// before. peer may be nil.
func compare(t *testing.T, s scale, peer, ours *tracer) (peers, own series, last probe) {
	t.Helper()
	guess := map[*tracer]float64{}
	for _, tr := range []*tracer{peer, ours} {
		if tr == nil {
			continue
		}
		if err := tr.calibrate(t); err != nil {
			t.Fatal(err)
		}
		guess[tr] = searchBegin
	}
	for range s.rounds {
		for _, tr := range []*tracer{peer, ours} {
			if tr == nil {
				continue
			}
			best := tr.search(t, s, guess[tr])
			if best.carried > 0 {
				guess[tr] = 0.8 * best.carried
			}
			if tr == ours {
				own, last = append(own, best.carried), best
			} else {
				peers = append(peers, best.carried)
			}
		}
	}
	return peers, own, last
}

func losslessNFT(t *testing.T, r *report, s scale, program string) {
	peer := &tracer{argv: []string{"nft", "monitor", "trace"}, lab: router(t, nftRules(), nftTraceRule()), read: readLines}
	ours := pktrail(program, router(t, nftRules()))
	againstPeer(t, r, s, "nft", peer, ours)
}

func losslessIptablesNFT(t *testing.T, r *report, s scale, program string) {
	peer := &tracer{argv: []string{"xtables-monitor", "--trace"}, lab: router(t, iptablesTraceRule(), iptablesRules(lab.IptablesNFT)), read: readLines}
	ours := pktrail(program, router(t, iptablesRules(lab.IptablesNFT)))
	againstPeer(t, r, s, "iptables-nft", peer, ours)
}

func pktrail(program string, l *lab.Lab) *tracer {
	argv := []string{program, "trace", "-p", "udp", "-d", "10.2.0.2", "--dport", fmt.Sprint(destPort), "--unlimited", "-o", "json"}
	return &tracer{argv: argv, lab: l, read: readJourneys, says: "tracing "}
}

func againstPeer(t *testing.T, r *report, s scale, world string, peer, ours *tracer) {
	t.Helper()
	peer.send, ours.send = newSender(t, peer.lab, 0), newSender(t, ours.lab, 0)
	peers, own, last := compare(t, s, peer, ours)
	ratio := ratios(own, peers)
	events := own.median() * float64(ours.messages)
	name := fmt.Sprint(world, ": ")
	r.add(row{
		what:   name + "packets/s, every one reported",
		peer:   fmt.Sprintf("%.0f", peers.median()),
		target: fmt.Sprintf("≥ %d × %s", timesPeer, peer.argv[0]), reached: reached(ratio.median() >= timesPeer),
		pktrail: fmt.Sprintf("%.0f", own.median()), ratio: fmt.Sprintf("%.1f", ratio.median()), spread: ratio.spread("%.1f"),
	})
	r.add(row{
		what:    name + "kernel's trace events/s to journeys",
		peer:    fmt.Sprintf("%.0f", peers.median()*float64(peer.messages)),
		pktrail: fmt.Sprintf("%.0f", events), spread: own.spread("%.0f") + " packets/s",
		target: fmt.Sprintf("≥ %d", eventsSec), reached: reached(events >= eventsSec),
	})
	r.note("%s: a packet makes %d trace events for pktrail (%d steps), %d for %s (%d lines); in the last run %d of %d journeys were inferred",
		world, ours.messages, ours.units, peer.messages, peer.argv[0], peer.units, last.inferred, last.packets)
}

func losslessLegacy(t *testing.T, r *report, s scale, program string) {
	ours := pktrail(program, router(t, iptablesRules(lab.Legacy)))
	ours.send = newSender(t, ours.lab, 0)
	_, own, last := compare(t, s, nil, ours)
	lines := own.median() * float64(ours.lines)
	r.add(row{
		what: "legacy: TRACE lines/s to journeys", peer: "none",
		pktrail: fmt.Sprintf("%.0f", lines), spread: own.spread("%.0f") + " packets/s",
		target: fmt.Sprintf("≥ %d", linesSec), reached: reached(lines >= linesSec),
	})
	r.add(row{what: "legacy: packets/s, every one reported", peer: "none", pktrail: fmt.Sprintf("%.0f", own.median())})
	r.note("legacy: a packet makes %d lines and %d trace events of milestones; the only peer is the kernel log, which in a namespace prints nothing; in the last run %d of %d journeys were inferred",
		ours.lines, ours.messages-ours.lines, last.inferred, last.packets)
}
