package collect

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/nfnetlink"
	"github.com/pktrail/pktrail/internal/snapshot"
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset"
)

// tracking gathers which families have connection tracking, and the evidence.
type tracking struct {
	mu       sync.Mutex
	ip4, ip6 bool
	evidence []string
}

// known: a table of that family can tell nothing new.
func (t *tracking) known(fam ruleset.Family) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.covers(fam)
}

func (t *tracking) covers(fam ruleset.Family) bool {
	switch fam {
	case ruleset.IP:
		return t.ip4
	case ruleset.IP6:
		return t.ip6
	case ruleset.Inet, ruleset.Bridge:
		return t.ip4 && t.ip6
	}
	return true // conntrack does not look at ARP, nor before the IP hooks
}

// found notes that something in a table of that family needs conntrack. A rule
// of the inet or the bridge family switches it on for both
// (net/netfilter/nf_conntrack_proto.c: nf_ct_netns_get).
func (t *tracking) found(fam ruleset.Family, what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.covers(fam) {
		return
	}
	t.ip4 = t.ip4 || fam != ruleset.IP6
	t.ip6 = t.ip6 || fam != ruleset.IP
	t.evidence = append(t.evidence, what)
}

// Conntrack reports for each family whether connection tracking is switched on
// in the namespace already, and by what. The kernel switches it on with the
// first rule that needs it and off with the last, so the rules decide: entries
// alone may be left over from rules that are gone, and asking conntrack itself
// would start it. Only where the rules cannot be read do entries count.
func (h *Host) Conntrack() (ip4, ip6 bool, why string) {
	t, err := h.tracking()
	switch {
	case len(t.evidence) == 0 && err != nil:
		return false, false, "not known, so taken as off: " + err.Error()
	case len(t.evidence) == 0:
		return false, false, noTracking
	}
	return t.ip4, t.ip6, strings.Join(t.evidence, "; ")
}

const noTracking = "no rule needs connection tracking"

// Tracks reports whether connection tracking is switched on for any family, and by
// what or why not, as Conntrack does, but that it takes for off only what is known
// to be.
func (h *Host) Tracks() (is snapshot.Value[bool], why string) {
	t, err := h.tracking()
	switch {
	case len(t.evidence) > 0:
		return snapshot.Known(true), strings.Join(t.evidence, "; ")
	case err != nil:
		return snapshot.Unknown[bool](err.Error()), err.Error()
	}
	return snapshot.Known(false), noTracking
}

// tracking looks for what needs connection tracking; after an error there may be
// more of it.
func (h *Host) tracking() (*tracking, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := &tracking{}
	err := errors.Join(h.trackingNFT(t), h.NS.Do(func() error { return trackingLegacy(t) }))
	if err != nil {
		_ = h.NS.Do(func() error {
			t.countEntries()
			return nil
		})
	}
	return t, err
}

// part is rules that are looked through in one go: a chain, or all of a table.
type part struct {
	table ruleset.TableKey
	chain string
}

// maxChains of a table are asked for one by one. The kernel walks a table from its
// beginning at each message of its answer, but a question costs something too.
const maxChains = 1000

// trackingNFT looks through the rules of nf_tables, on all CPUs, until both
// families are known to be tracked.
func (h *Host) trackingNFT(t *tracking) error {
	if !h.hasNFTables() {
		return nil
	}
	var all []*ruleset.Table
	s, err := h.dialFrom()
	if err != nil {
		return err
	}
	all, _, err = tables(s)
	_ = s.Close()
	if err != nil {
		return err
	}
	parts := make(chan part)
	errs := make(chan error)
	workers := runtime.GOMAXPROCS(0)
	for range workers {
		go func() { errs <- h.lookThrough(t, parts) }()
	}
	for _, table := range all {
		chains := table.Chains
		if len(chains) > maxChains {
			chains = []*ruleset.Chain{{}}
		}
		for _, c := range chains {
			parts <- part{table.TableKey, c.Name}
		}
	}
	close(parts)
	for range workers {
		err = errors.Join(err, <-errs)
	}
	return err
}

// dialFrom opens a socket in the namespace for use by the calling goroutine.
func (h *Host) dialFrom() (s *nfnetlink.Socket, err error) {
	err = h.NS.Do(func() error {
		s, err = dial()
		return err
	})
	return s, err
}

// lookThrough takes parts until there are no more; after an error it lets them pass.
func (h *Host) lookThrough(t *tracking, parts <-chan part) error {
	var s *nfnetlink.Socket
	var failed error
	for p := range parts {
		if failed != nil || t.known(p.table.Family) {
			continue
		}
		if s == nil {
			if s, failed = h.dialFrom(); failed != nil {
				continue
			}
		}
		err := t.lookThrough(s, p)
		if err != nil {
			_ = s.Close()
			s = nil
		}
		if !errors.Is(err, errStop) {
			failed = err
		}
	}
	if s != nil {
		_ = s.Close()
	}
	return failed
}

// lookThrough reads rules up to the first that needs conntrack, which is errStop.
func (t *tracking) lookThrough(s *nfnetlink.Socket, p part) error {
	r := request{op: "look through table " + p.table.Name, msg: unix.NFT_MSG_GETRULE, family: uint8(p.table.Family), dump: true}
	r.attrs = wire.AppendAttr(r.attrs, unix.NFTA_RULE_TABLE, name(p.table.Name))
	if p.chain != "" {
		r.attrs = wire.AppendAttr(r.attrs, unix.NFTA_RULE_CHAIN, name(p.chain))
	}
	return ask(s, r, func(_ uint8, as wire.Attrs) error {
		chain, need := needOfRule(as)
		if need == "" {
			return nil
		}
		t.found(p.table.Family, fmt.Sprintf("a rule of chain %s in nft table %s uses %s", chain, p.table.Name, need))
		return errStop
	})
}

// Attributes that golang.org/x/sys does not name (include/uapi/linux/netfilter/nf_tables_compat.h, nf_tables.h).
const (
	nftaListElem = 1 // NFTA_LIST_ELEM
	nftaXtName   = 1 // NFTA_MATCH_NAME, NFTA_TARGET_NAME
	nftaXtInfo   = 3 // NFTA_MATCH_INFO, NFTA_TARGET_INFO
)

// needOfRule returns the chain of a rule and the first of its expressions that needs conntrack.
func needOfRule(as wire.Attrs) (chain, need string) {
	for a := range attrs(as) {
		switch a.Type {
		case unix.NFTA_RULE_CHAIN:
			chain = text(a)
		case unix.NFTA_RULE_EXPRESSIONS:
			for e := range attrs(a.Data) {
				if e.Type == nftaListElem && need == "" {
					need = needOfExpr(e.Data)
				}
			}
		}
	}
	return chain, need
}

func needOfExpr(as wire.Attrs) string {
	var expr string
	var data wire.Attrs
	for a := range attrs(as) {
		switch a.Type {
		case unix.NFTA_EXPR_NAME:
			expr = text(a)
		case unix.NFTA_EXPR_DATA:
			data = a.Data
		}
	}
	switch expr {
	case "ct", "nat", "masq", "redir", "flow_offload", "synproxy", "connlimit", "ct_helper":
		return expr
	case "match", "target":
		var xtName string
		var info []byte
		for a := range attrs(data) {
			switch a.Type {
			case nftaXtName:
				xtName = text(a)
			case nftaXtInfo:
				info = a.Data
			}
		}
		if xtNeedsConntrack(xtName, info) {
			return xtName
		}
	}
	return ""
}

// xtNeedsConntrack: the xtables extensions whose check function calls
// nf_ct_netns_get. `CT --notrack` alone among the uses of CT does not.
func xtNeedsConntrack(name string, info []byte) bool {
	switch name {
	case "conntrack", "state", "connmark", "connbytes", "connlabel", "connlimit", "helper", "cluster",
		"CONNMARK", "CONNSECMARK", "DNAT", "SNAT", "MASQUERADE", "REDIRECT", "NETMAP", "SYNPROXY", "CLUSTERIP":
		return true
	case "CT":
		const notrack = 1 // XT_CT_NOTRACK
		return len(info) < 2 || binary.NativeEndian.Uint16(info)&notrack == 0
	}
	return false
}

// trackingLegacy looks through the entries of the legacy tables.
func trackingLegacy(t *tracking) error {
	var errs []error
	for _, fam := range []ruleset.Family{ruleset.IP, ruleset.IP6} {
		if t.known(fam) {
			continue
		}
		errs = append(errs, eachLegacy(fam, func(x *xtSocket, table string) error {
			b, err := x.blob(table)
			if err != nil {
				return err
			}
			if need := needOfBlob(b, fam); need != "" {
				t.found(fam, fmt.Sprintf("a rule of legacy table %s uses %s", table, need))
			}
			return nil
		}))
	}
	return errors.Join(errs...)
}

func needOfBlob(b []byte, fam ruleset.Family) string {
	for e := range entries(b, fam) {
		for name, info := range extensions(e, fam) {
			if xtNeedsConntrack(name, info) {
				return name
			}
		}
	}
	return ""
}

// countEntries takes the first entries of the table as evidence.
func (t *tracking) countEntries() {
	f, err := os.Open("/proc/thread-self/net/nf_conntrack")
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	b := make([]byte, 64<<10)
	n, err := io.ReadFull(f, b)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return
	}
	for line := range strings.Lines(string(b[:n])) {
		switch {
		case strings.HasPrefix(line, "ipv4 "):
			t.found(ruleset.IP, "there are IPv4 entries")
		case strings.HasPrefix(line, "ipv6 "):
			t.found(ruleset.IP6, "there are IPv6 entries")
		}
	}
}
