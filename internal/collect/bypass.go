package collect

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset"
)

// Bypasses says, one sentence each, what may let packets pass without meeting
// a rule or keep their events from arriving: with the evidence, and what to do.
// What it has no right to ask is said, too.
func (h *Host) Bypasses() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var found []string
	err := h.NS.Do(func() error {
		found = slices.Concat(h.nftBypasses(), linkBypasses(), virtualServers(), h.noTrack)
		return nil
	})
	if err != nil {
		found = append(found, "what may pass by the rules could not be looked for: "+err.Error())
	}
	return found
}

// Attributes that golang.org/x/sys does not name (include/uapi/linux/netfilter/nf_tables.h).
const (
	nftaFlowtableTable = 1          // NFTA_FLOWTABLE_TABLE
	nftaFlowtableName  = 2          // NFTA_FLOWTABLE_NAME
	nftaTableOwner     = 7          // NFTA_TABLE_OWNER
	ownPrefix          = "pktrail-" // how pktrail names its own tables
)

// nftBypasses looks for flowtables and for tables that belong to a process.
func (h *Host) nftBypasses() []string {
	if !h.hasNFTables() {
		return nil
	}
	s, err := dial()
	if err != nil {
		return []string{"flowtables and table owners could not be asked for: " + err.Error()}
	}
	defer func() { _ = s.Close() }()
	var found []string
	err = ask(s, request{op: "list flowtables", msg: unix.NFT_MSG_GETFLOWTABLE, dump: true}, func(fam uint8, as wire.Attrs) error {
		var table, flowtable string
		for a := range attrs(as) {
			switch a.Type {
			case nftaFlowtableTable:
				table = text(a)
			case nftaFlowtableName:
				flowtable = text(a)
			}
		}
		of := ruleset.Family(fam).String() + " " + table
		found = append(found, fmt.Sprintf("flowtable %s of table %s takes over established connections: their packets are forwarded "+
			"without meeting any rule; see `nft list flowtable %s %s`, and trace a new connection's first packets", flowtable, of, of, flowtable))
		return nil
	})
	if err != nil {
		found = append(found, "flowtables could not be asked for: "+err.Error())
	}
	err = ask(s, request{op: "list tables", msg: unix.NFT_MSG_GETTABLE, dump: true}, func(fam uint8, as wire.Attrs) error {
		if sentence := ownedTable(ruleset.Family(fam), as); sentence != "" {
			found = append(found, sentence)
		}
		return nil
	})
	if err != nil {
		found = append(found, "owners of tables could not be asked for: "+err.Error())
	}
	return found
}

func ownedTable(fam ruleset.Family, as wire.Attrs) string {
	var table string
	var owner uint32
	for a := range attrs(as) {
		switch a.Type {
		case unix.NFTA_TABLE_NAME:
			table = text(a)
		case nftaTableOwner:
			owner, _ = a.BE32()
		}
	}
	if owner == 0 || strings.HasPrefix(table, ownPrefix) {
		return ""
	}
	return fmt.Sprintf("table %s %s belongs to a running program (netlink port %d) and is gone when that ends: "+
		"what packets meet may then change at once; `ss -f netlink` shows which program it is", fam, table, owner)
}

// virtualServers reads /proc/net/ip_vs: three lines of heading, then the services.
func virtualServers() []string {
	b, err := os.ReadFile("/proc/thread-self/net/ip_vs")
	if err != nil || strings.Count(string(b), "\n") <= 3 {
		return nil
	}
	n := 0
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 0 && slices.Contains([]string{"TCP", "UDP", "SCTP", "FWM"}, f[0]) {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return []string{fmt.Sprintf("IPVS has %d virtual services (/proc/net/ip_vs): packets to them are taken from the input hook "+
		"and sent on from there, past the forward chains; see `ipvsadm -Ln`", n)}
}

// noTrackRules names the tables with rules that exempt packets from connection
// tracking, and the first such rule of each.
func noTrackRules(rules *event.Rules) []string {
	var found []string
	for _, t := range rules.Tables {
		n, first := 0, ""
		for _, ch := range t.Chains {
			for _, r := range ch.Rules {
				if !r.Effect.NoTrack {
					continue
				}
				if n++; n == 1 {
					first = fmt.Sprintf("rule %d of chain %s, %q", r.Number, ch.Name, r.Text)
				}
			}
		}
		if n > 0 {
			found = append(found, fmt.Sprintf("%d rules of %s table %s exempt packets from connection tracking, the first is %s: "+
				"these packets meet no nat rule, and their ct state is untracked", n, t.Backend, t.Name, first))
		}
	}
	return found
}
