package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/internal/flows"
	"github.com/pktrail/pktrail/internal/match"
)

// ctQuery is the flags that say, beside MATCH, which entries are meant.
type ctQuery struct {
	state, status, nat, zone string
	labels                   []string
	older, expires           time.Duration
	icmpID                   int
	reply                    ctReply
}

func (f *ctQuery) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.state, "state", "", "states, of which one must hold: of TCP or SCTP, or NEW, ESTABLISHED, ASSURED, UNREPLIED; !TIME_WAIT for any other")
	flags.StringVar(&f.status, "status", "", "bits of the status that must all be set: ASSURED, OFFLOAD, …; !SEEN_REPLY must not")
	flags.StringVar(&f.nat, "nat", "", "with translation: snat, dnat, any, or none")
	flags.StringVar(&f.zone, "zone", "", "in this zone, by number, either way")
	flags.StringSliceVar(&f.labels, "label", nil, "with these labels, by number or by name of /etc/xtables/connlabel.conf")
	flags.DurationVar(&f.older, "older", 0, "that began longer ago: 30s, 2h (needs net.netfilter.nf_conntrack_timestamp=1)")
	flags.DurationVar(&f.expires, "expires-within", 0, "that go within this time if no packet comes: 30s")
	flags.IntVar(&f.icmpID, "icmp-id", -1, "of the ICMP query with this id (with -p icmp or icmpv6)")
	withoutDefault(cmd, "icmp-id")
	f.reply.add(cmd)
}

// query is what the flags and MATCH mean together.
func (f *ctQuery) query(cmd *cobra.Command, m match.Match) (*flows.Query, error) {
	q := &flows.Query{Match: m, Mark: m.Mark, Older: f.older, Now: time.Now()}
	q.Match.Mark = nil
	for _, r := range q.Match.CannotJudge(match.Conntrack) {
		return nil, hint(fmt.Errorf("%s: %s", r.Arg, r.Why), "%s", r.Hint)
	}
	if f.older < 0 || f.expires < 0 {
		return nil, hint(errors.New("--older and --expires-within cannot be negative"), "for example --older 2h")
	}
	if cmd.Flags().Changed("expires-within") {
		q.ExpiresWithin = &f.expires
	}
	var err error
	if q.Reply, err = f.reply.match(m); err != nil {
		return nil, err
	}
	for _, parse := range []func(*flows.Query) error{f.parseICMPID, f.parseState, f.parseStatus, f.parseNAT, f.parseZone, f.parseLabels} {
		if err := parse(q); err != nil {
			return nil, err
		}
	}
	return q, nil
}

// given reports whether anything is said of which entries are meant.
func (f *ctQuery) given(m match.Match) bool {
	return m.String() != "" || f.reply.given() || f.icmpID != -1 || f.state+f.status+f.nat+f.zone != "" || len(f.labels) > 0 || f.older+f.expires != 0
}

func (f *ctQuery) parseICMPID(q *flows.Query) error {
	switch {
	case f.icmpID == -1:
		return nil
	case f.icmpID < 0 || f.icmpID > 0xffff:
		return hint(fmt.Errorf("--icmp-id %d: no id", f.icmpID), "a number from 0 to 65535")
	}
	q.ICMPID = new(uint16(f.icmpID))
	return nil
}

func (f *ctQuery) parseState(q *flows.Query) (err error) {
	if f.state == "" {
		return nil
	}
	if q.State, err = flows.ParseStates(f.state); err != nil {
		return hint(fmt.Errorf("--state: %w", err), "%s", strings.Join(flows.States(), ", "))
	}
	return nil
}

func (f *ctQuery) parseStatus(q *flows.Query) (err error) {
	if f.status == "" {
		return nil
	}
	if q.Status, err = flows.ParseStatus(f.status); err != nil {
		return hint(fmt.Errorf("--status: %w", err), "%s; with ! before one that must not be set", strings.Join(flows.StatusWords(), ", "))
	}
	return nil
}

func (f *ctQuery) parseNAT(q *flows.Query) error {
	q.NAT = flows.NAT(f.nat)
	if !slices.Contains([]flows.NAT{"", flows.SourceNAT, flows.DestinationNAT, flows.AnyNAT, flows.NoNAT}, q.NAT) {
		return hint(fmt.Errorf("--nat %s: no such translation", f.nat), "snat, dnat, any or none")
	}
	return nil
}

func (f *ctQuery) parseZone(q *flows.Query) (err error) {
	q.Zone, err = parseZone("--zone", f.zone)
	return err
}

// parseZone is nil for no zone.
func parseZone(option, text string) (*uint16, error) {
	if text == "" {
		return nil, nil
	}
	n, err := strconv.ParseUint(text, 0, 16)
	if err != nil {
		return nil, hint(fmt.Errorf("%s %s: no zone", option, text), "a number from 0 to 65535")
	}
	return new(uint16(n)), nil
}

func (f *ctQuery) parseLabels(q *flows.Query) (err error) {
	q.Labels, err = parseLabels(f.labels)
	return err
}

const labelNames = "/etc/xtables/connlabel.conf"

// parseLabels reads labels, by number or name.
func parseLabels(words []string) (labels []int, err error) {
	for _, word := range words {
		n, err := strconv.Atoi(word)
		if err != nil {
			if n, err = namedLabel(word); err != nil {
				return nil, err
			}
		}
		if n < 0 || n > 127 {
			return nil, hint(fmt.Errorf("--label %s: no label", word), "a number from 0 to 127, or a name of "+labelNames)
		}
		labels = append(labels, n)
	}
	return labels, nil
}

// namedLabel looks a name up where iptables and conntrack do: lines of a number
// and a name.
func namedLabel(name string) (int, error) {
	file, err := os.Open(labelNames)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("--label: %w", err)
	}
	if err == nil {
		defer func() { _ = file.Close() }()
		lines := bufio.NewScanner(file)
		for lines.Scan() {
			words := strings.Fields(lines.Text())
			if len(words) < 2 || strings.Join(words[1:], " ") != name {
				continue
			}
			if n, err := strconv.Atoi(words[0]); err == nil {
				return n, nil
			}
		}
	}
	return 0, hint(fmt.Errorf("--label %s: no such name in %s", name, labelNames), "name it there, or give its number from 0 to 127")
}
