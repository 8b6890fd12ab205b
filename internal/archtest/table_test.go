package archtest

// place is what one package of ours may import. Tests may import more: see
// testsAlso and banned.
type place struct {
	path   string
	ours   []string // packages of this module
	beside []string // other modules, and what pure packages may have of impure
	pure   bool     // values and functions of values: none of impure
	why    string
}

// nouns are the values that every stage hands on.
var nouns = []string{"packet", "ruleset", "journey", "internal/event"}

// impure are the packages of the standard library by which a function could ask
// the machine it runs on.
var impure = []string{"net", "net/http", "os", "os/exec", "os/signal", "os/user", "runtime", "syscall", "unsafe", "log", "log/slog", "plugin"}

const (
	xsys     = "golang.org/x/sys/unix"
	rtnl     = "github.com/vishvananda/netlink"
	cobra    = "github.com/spf13/cobra"
	cmp      = "github.com/google/go-cmp/cmp"
	cmpopts  = "github.com/google/go-cmp/cmp/cmpopts"
	script   = "github.com/rogpeppe/go-internal/testscript"
	zstd     = "github.com/klauspost/compress/zstd"
	gzip     = "github.com/klauspost/compress/gzip"
	xz       = "github.com/ulikunitz/xz"
	gopacket = "github.com/gopacket/gopacket"
	pcap     = "github.com/gopacket/gopacket/pcapgo"
	layers   = "github.com/gopacket/gopacket/layers"
	anything = "..."
)

// places is the architecture: each package, what it may know, and why no more.
var places = []place{
	{path: "packet", pure: true,
		why: "a packet is a value that stands on the standard library alone, so that anybody can take it"},
	{path: "ruleset", ours: []string{"packet"}, pure: true,
		why: "one model of rules for every dialect and back end"},
	{path: "ruleset/nft", ours: []string{"packet", "ruleset", "internal/wire"}, pure: true,
		why: "dialects know the model, the model no dialect, and dialects not each other"},
	{path: "ruleset/xt", ours: []string{"packet", "ruleset", "internal/inorder"}, pure: true,
		why: "as ruleset/nft"},
	{path: "ruleset/iptnft", ours: []string{"ruleset", "ruleset/nft", "ruleset/xt", "internal/inorder", "internal/wire"}, pure: true,
		why: "rules of nf_tables that iptables wrote, told in its words: the one place that knows both dialects' forms"},
	{path: "ruleset/ipset", ours: []string{"ruleset", "internal/wire"}, pure: true,
		why: "as ruleset/nft"},
	{path: "journey", ours: []string{"packet", "ruleset"}, beside: []string{"net"}, pure: true,
		why: "the wire format: observed and simulated packets are one type, read where no kernel is; net for the text of hardware addresses"},

	{path: "conntrack", ours: []string{"packet", "internal/wire"}, pure: true,
		why: "entries and their messages as values, so that a listing decodes where no kernel is; anybody may take it"},
	{path: "conntrack/ctnetlink", ours: []string{"packet", "conntrack", "internal/nfnetlink", "internal/wire"}, beside: []string{xsys},
		why: "the client: sockets and what is asked over them; how entries look is in conntrack, how they are shown is for its users"},

	{path: "internal/flows", ours: []string{"packet", "conntrack", "journey", "internal/match"}, pure: true,
		why: "which entries are meant, and the form in which they are shown: functions of entries, whatever asked for them"},
	{path: "internal/inorder", pure: true,
		why: "goroutines for those whose work is functions of values; knows nothing of it"},
	{path: "internal/event", ours: []string{"packet", "ruleset"}, pure: true,
		why: "one decoded kernel fact each, whatever brought it"},
	{path: "internal/wire", pure: true,
		why: "bytes of netlink without their meaning"},
	{path: "internal/wire/nflog", ours: []string{"internal/wire", "internal/event", "packet", "ruleset"}, pure: true,
		why: "a datagram in, events out: so recordings decode without a kernel, and decoders can be fuzzed"},
	{path: "internal/wire/nftrace", ours: []string{"internal/wire", "internal/event", "packet", "ruleset"}, pure: true,
		why: "as internal/wire/nflog"},
	{path: "internal/logline", ours: []string{"internal/event", "packet", "ruleset"}, pure: true,
		why: "one grammar for prefixes, kernel logs and files alike"},
	{path: "internal/envelope", pure: true,
		why: "what stands around the kernel's text in logs: stamps and records, without their meaning"},
	{path: "internal/tally", ours: []string{"packet", "journey", "internal/event", "internal/logline"}, pure: true,
		why: "counts lines, and tells the counts in the wire format; how they are shown is render's"},
	{path: "internal/logentry", ours: []string{"packet", "ruleset", "journey", "internal/event", "internal/logline"}, pure: true,
		why: "a line that was read, in the wire format: as correlate for lines that stand alone"},
	{path: "internal/rules", ours: []string{"packet", "internal/match", "ruleset", "ruleset/nft", "ruleset/xt", "ruleset/iptnft", "ruleset/ipset"}, pure: true,
		why: "answers about rules as values: of this host, of another's, or of files"},
	{path: "internal/rules/graph", ours: []string{"ruleset", "internal/rules"}, pure: true,
		why: "pictures of chains; which were read is others' business"},
	{path: "internal/rules/check", ours: []string{"ruleset", "internal/doctor"}, pure: true,
		why: "what is wrong with rules in themselves, by the one model alone"},
	{path: "internal/match", ours: []string{"packet", "internal/event"}, beside: []string{"net"}, pure: true,
		why: "MATCH is a predicate over packets; who uses it compiles it himself; net for the names of services"},

	{path: "internal/correlate", ours: append([]string{"internal/logline"}, nouns...), pure: true,
		why: "a function of events alone: what holds live holds in a recording; logline makes packets of lines"},
	{path: "internal/explain", ours: []string{"packet", "ruleset", "journey"}, beside: []string{"net"}, pure: true,
		why: "a function of a journey, on the host as on a bug report; net joins addresses and ports"},
	{path: "internal/render", ours: []string{"packet", "ruleset", "journey", "internal/census", "internal/doctor", "internal/explain", "internal/rules", "internal/stale", "internal/sysctl"}, beside: []string{"net", "golang.org/x/text/width"}, pure: true,
		why: "looks of journeys; whoever calls it knows the terminal; net joins addresses and ports"},

	{path: "internal/census", ours: []string{"packet", "conntrack", "journey"}, pure: true,
		why: "counts entries that are handed in; which table they are of, and when, others say"},
	{path: "internal/stale", ours: []string{"packet", "ruleset", "conntrack", "journey", "internal/snapshot"}, pure: true,
		why: "judges entries by how routes, neighbours and rules stand, on the host as in a test"},
	{path: "internal/patrol", ours: []string{"conntrack", "conntrack/ctnetlink", "journey", "internal/census", "internal/collect", "internal/netns", "internal/rules", "internal/snapshot", "internal/stale", "ruleset", "ruleset/nft"},
		why: "reads live tables for census and stale, and asks the host what these need; only the edges stand on it"},
	{path: "internal/ctcli", ours: []string{"packet", "conntrack", "conntrack/ctnetlink"}, beside: []string{xsys},
		why: "the words of conntrack(8) over the client; pktrail's own words for the same are cmd's"},
	{path: "internal/netns", beside: []string{xsys},
		why: "the one place that enters namespaces knows nothing of what is done there"},
	{path: "internal/nfnetlink", ours: []string{"internal/wire"}, beside: []string{xsys},
		why: "sockets and their errors, not what is said over them"},
	{path: "internal/nftexpr", ours: []string{"packet", "ruleset", "internal/nfnetlink", "internal/wire"}, beside: []string{xsys},
		why: "rules of ours as text and as netlink; what they are for is arm's"},
	{path: "internal/arm", ours: []string{"packet", "ruleset", "ruleset/xt", "internal/event", "internal/match", "internal/netns", "internal/nfnetlink", "internal/nftexpr", "internal/wire"}, beside: []string{xsys},
		why: "all that is switched on in a kernel, and how it is certainly taken back, in one place that reads no traffic"},
	{path: "internal/collect", ours: []string{"packet", "ruleset", "ruleset/nft", "ruleset/xt", "ruleset/iptnft", "ruleset/ipset", "internal/event", "internal/netns", "internal/nfnetlink", "internal/rules", "internal/snapshot", "internal/sysctl", "internal/syslogd", "internal/wire"}, beside: []string{xsys, rtnl},
		why: "asks the host and changes nothing: it cannot even reach arm"},
	{path: "internal/source", ours: []string{"internal/event", "internal/logline", "internal/wire", "internal/wire/nflog", "internal/wire/nftrace"}, beside: []string{xsys},
		why: "what sources have in common, and recordings; no source, no stage"},
	{path: "internal/source/netfilter", ours: []string{"internal/event", "internal/netns", "internal/nfnetlink", "internal/source", "internal/wire"}, beside: []string{xsys},
		why: "sources know neither each other nor a stage: a new one is one folder"},

	{path: "internal/source/logfile", ours: []string{"internal/envelope", "internal/event", "internal/logline", "internal/source"}, beside: []string{xsys, zstd, gzip, xz},
		why: "as internal/source/netfilter"},
	{path: "internal/source/kmsg", ours: []string{"internal/envelope", "internal/event", "internal/logline", "internal/source"}, beside: []string{xsys},
		why: "as internal/source/netfilter"},
	{path: "internal/source/capture", ours: []string{"internal/event", "internal/logline", "internal/source", "internal/wire", "internal/wire/nflog", "packet"},
		why: "as internal/source/netfilter; the one place that knows capture files"},

	{path: "internal/snapshot", ours: []string{"packet", "ruleset"}, pure: true,
		why: "how a host stood, as a value"},
	{path: "internal/sysctl", ours: []string{"internal/snapshot"}, pure: true,
		why: "what settings mean, where their values come from and what they take: judged over a snapshot, of this host or another"},
	{path: "internal/procsys", ours: []string{"internal/netns"},
		why: "writes the one setting that a user typed: apart from collect, which changes nothing, and from arm, which puts everything back"},
	{path: "internal/syslogd", ours: []string{"internal/snapshot"}, pure: true,
		why: "what rsyslog and the journal do with a line, by the text of their configuration alone"},
	{path: "internal/doctor", ours: []string{"packet", "ruleset", "internal/snapshot", "internal/syslogd"}, pure: true,
		why: "checks are functions of a snapshot, on the host as on a file from another"},

	{path: "internal/live", ours: append([]string{"internal/arm", "internal/collect", "internal/correlate", "internal/explain", "internal/match", "internal/netns", "internal/source", "internal/source/netfilter"}, nouns...), beside: []string{xsys},
		why: "wires one trace from beginning to end; only the edges, cmd and tests, stand on it"},
	{path: "internal/lab", ours: []string{"packet", "journey", "internal/netns"}, beside: []string{xsys, rtnl},
		why: "makes networks and packets; judging what became of them is for those who use it"},
	{path: "cmd/pktrail", ours: []string{anything}, beside: []string{cobra, xsys},
		why: "flags, wiring, exit codes"},

	{path: "internal/corpus",
		why: "tests only: where recorded inputs are, and how many of them come out right"},
	{path: "internal/bench", ours: []string{anything}, why: "tests only: pktrail against its peers"},
	{path: "internal/archtest", why: "tests only: reads the tree as text"},
}

// testsAlso is what tests of any package may import beside what it may itself:
// any package of ours but a command, and these.
var testsAlso = []string{cmp, cmpopts, script, xsys, rtnl, gopacket, pcap, layers}

// ban is an import that is only for some, wherever it is asked for.
type ban struct {
	path  string // of a package, or with /... of all below too
	only  []string
	tests bool // tests may, wherever they are
	why   string
}

var bans = []ban{
	{path: "os/exec", only: []string{"internal/arm", "internal/lab"}, tests: true,
		why: "programs are started by the guardian, and in labs; rules are read without one"},
	{path: "log/...", why: "libraries return errors, and the command prints them"},
	{path: "github.com/cilium/ebpf/...", only: []string{"internal/source/skb", "internal/kernel"},
		why: "what a kernel can do is asked in one place, and programs are loaded in one"},
	{path: "k8s.io/...", only: []string{"internal/agent"},
		why: "one place knows Kubernetes"},
	{path: cobra, only: []string{"cmd/pktrail"},
		why: "flags end where values begin"},
	{path: "C", why: "one static binary: no cgo"},
}

// vague are names that say nothing of what a folder holds.
var vague = []string{"util", "utils", "common", "helper", "helpers", "types", "manager", "misc", "base", "shared", "lib", "pkg", "core", "pktrail"}
