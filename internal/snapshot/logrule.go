package snapshot

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// LogKind is how a rule tells of packets.
type LogKind string

// The kinds of rules that tell of packets.
const (
	LogToKernel LogKind = "log"   // LOG, nft's log: a line in the kernel's log
	LogToGroup  LogKind = "nflog" // NFLOG, nft's log group: a message to a listener
	LogToAudit  LogKind = "audit" // nft's log level audit: a record of the audit system
	LogTrace    LogKind = "trace" // TRACE, nft's meta nftrace set 1
)

// LogRule is one rule that tells of packets.
type LogRule struct {
	Table   ruleset.TableKey `json:"table"`
	Dialect ruleset.Dialect  `json:"dialect"`
	Chain   string           `json:"chain"`
	NAT     bool             `json:"nat"`    // its chain is asked for the first packet of a flow only
	Number  int              `json:"number"` // from 1
	Handle  uint64           `json:"handle"`
	Text    string           `json:"text"`

	Kind    LogKind       `json:"kind"`
	Level   uint8         `json:"level"` // syslog's severity, 0 emerg to 7 debug, for LogToKernel
	Prefix  string        `json:"prefix"`
	Group   uint16        `json:"group"`   // for LogToGroup
	Limit   string        `json:"limit"`   // the rate that bounds it, as written; empty without
	Packets Value[uint64] `json:"packets"` // that its counter has seen

	Called Value[bool] `json:"called"` // a base chain leads to its chain
	// Behind is a rule before it in its chain that takes every packet; empty when there is none.
	Behind string `json:"behind"`
}

// defaultLevel is that of a rule without one: warning (extensions/libxt_LOG.c,
// net/netfilter/nft_log.c: nft_log_init).
const defaultLevel = 4

// ParseLogRule reads what a rule tells of packets, and how, from its text. It
// reports false for a rule that tells nothing. Place and counter of an iptables
// rule are the caller's to fill; those of nft's counter are read.
func ParseLogRule(text string, d ruleset.Dialect) (LogRule, bool) {
	r := LogRule{Text: text, Dialect: d, Level: defaultLevel}
	words := split(text, d == ruleset.Iptables)
	if d == ruleset.Iptables {
		return r, r.readIptables(words)
	}
	return r, r.readNft(words)
}

func (r *LogRule) readIptables(words []word) bool {
	for i, w := range words {
		if w.quoted || i+1 == len(words) {
			continue
		}
		value := words[i+1].text
		switch w.text {
		case "-j", "--jump":
			r.Kind = kindOfTarget(value)
		case "--log-level":
			r.Level = levelOf(value)
		case "--log-prefix", "--nflog-prefix", "--ulog-prefix":
			r.Prefix = value
		case "--nflog-group":
			r.setGroup(value)
		case "--limit", "--hashlimit-upto", "--hashlimit-above":
			r.Limit = value
		}
	}
	return r.Kind != ""
}

func kindOfTarget(target string) LogKind {
	switch target {
	case "LOG":
		return LogToKernel
	case "NFLOG":
		return LogToGroup
	case "TRACE":
		return LogTrace
	}
	return ""
}

// readNft reads statements outside of braces: what stands in them is a set or a comment.
func (r *LogRule) readNft(words []word) bool {
	for i, w := range words {
		rest := words[i+1:]
		switch {
		case w.is("jump"), w.is("goto"), w.is("comment"): // the last word is a name
			return r.Kind != ""
		case w.is("log") && r.Kind == "":
			r.Kind = LogToKernel
			r.readLogOptions(rest)
		case w.is("nftrace") && follows(rest, "set", "1") && r.Kind == "":
			r.Kind = LogTrace
		case w.is("counter") && follows(rest, "packets") && len(rest) > 1:
			r.setPackets(rest[1].text)
		case w.is("limit") && follows(rest, "rate") && len(rest) > 1:
			r.Limit = limitWords(rest[1:])
		}
	}
	return r.Kind != ""
}

// follows reports whether the words begin with those of nft's language.
func follows(words []word, want ...string) bool {
	if len(words) < len(want) {
		return false
	}
	for i, text := range want {
		if !words[i].is(text) {
			return false
		}
	}
	return true
}

// limitWords is `5/minute`, or `over 5/minute`.
func limitWords(words []word) string {
	if words[0].is("over") && len(words) > 1 {
		return "over " + words[1].text
	}
	return words[0].text
}

func (r *LogRule) readLogOptions(words []word) {
	for i := 0; i+1 < len(words); i += 2 {
		value := words[i+1].text
		switch {
		case words[i].is("prefix"):
			r.Prefix = value
		case words[i].is("group"):
			r.Kind = LogToGroup
			r.setGroup(value)
		case words[i].is("level") && value == "audit":
			r.Kind = LogToAudit
		case words[i].is("level"):
			r.Level = levelOf(value)
		case words[i].is("snaplen"), words[i].is("queue-threshold"), words[i].is("flags"):
		default:
			return
		}
	}
}

func (r *LogRule) setGroup(value string) {
	if n, err := strconv.ParseUint(value, 0, 16); err == nil {
		r.Group = uint16(n)
	}
}

func (r *LogRule) setPackets(value string) {
	if n, err := strconv.ParseUint(value, 10, 64); err == nil {
		r.Packets = Known(n)
	}
}

// Levels are syslog's severities by number, in iptables', nft's and rsyslog's words.
func Levels() [8]string {
	return [8]string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}
}

// Level is the number of a severity by name or number.
func Level(name string) (uint8, bool) {
	name = strings.ToLower(name)
	if n, err := strconv.ParseUint(name, 10, 8); err == nil && n < 8 {
		return uint8(n), true
	}
	if long, ok := map[string]string{"panic": "emerg", "error": "err", "warn": "warning"}[name]; ok {
		name = long
	}
	for i, l := range Levels() {
		if l == name {
			return uint8(i), true
		}
	}
	return 0, false
}

func levelOf(name string) uint8 {
	if n, ok := Level(name); ok {
		return n
	}
	return defaultLevel
}

// Families are the protocol families whose packets the rule may meet.
func (r *LogRule) Families() []ruleset.Family {
	if r.Table.Family == ruleset.Inet {
		return []ruleset.Family{ruleset.IP, ruleset.IP6}
	}
	return []ruleset.Family{r.Table.Family}
}

// ReachesKernelLog reports whether the rule's lines are meant for the kernel's
// log: TRACE rules only where they are legacy, or legacy tables stand beside them.
func (r *LogRule) ReachesKernelLog() bool {
	return r.Kind == LogToKernel || r.LegacyTrace()
}

// LegacyTrace reports a TRACE rule of a legacy table.
func (r *LogRule) LegacyTrace() bool {
	return r.Kind == LogTrace && r.Table.Backend == ruleset.Legacy
}

// Place names the rule as its own tool does.
func (r *LogRule) Place() string {
	where := r.Table.Family.String() + " " + r.Table.Name + " " + r.Chain
	switch {
	case r.Table.Backend == ruleset.Legacy:
		where = "legacy " + where
	case r.Dialect == ruleset.Iptables:
		where = "iptables-nft " + where
	}
	if r.Number > 0 {
		return fmt.Sprintf("%s rule %d", where, r.Number)
	}
	return fmt.Sprintf("%s handle %d", where, r.Handle)
}
