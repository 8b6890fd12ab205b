package ctcli

import (
	"strings"

	"github.com/pktrail/pktrail/packet"
)

// protocol is a transport protocol that has options of its own.
type protocol struct {
	name    string
	number  uint8
	options []longOption       // their values are their places
	fields  []field            // what they set, by place
	flags   []string           // what messages call the options, by their place
	legal   map[command]string // as legal, by the options' places
	lack    [2]string          // what is said when half of a pair is there
	saved   [4]string          // options for the ports in the form of save
	states  []string           // names that --state takes
	unknown string             // what is said of other states
	help    []string
}

// field is what an option of a protocol sets.
type field uint8

const (
	fieldSrcPort field = iota
	fieldDstPort
	fieldReplySrcPort
	fieldReplyDstPort
	fieldMaskSrcPort
	fieldMaskDstPort
	fieldState
	fieldExpectSrcPort
	fieldExpectDstPort
	fieldTagOrig
	fieldTagReply
	fieldRole
	fieldICMPType
	fieldICMPCode
	fieldICMPID
)

var (
	portFields     = []field{fieldSrcPort, fieldDstPort, fieldReplySrcPort, fieldReplyDstPort, fieldMaskSrcPort, fieldMaskDstPort}
	plainFields    = append(portFields[:6:6], fieldExpectSrcPort, fieldExpectDstPort)
	statefulFields = append(portFields[:6:6], fieldState, fieldExpectSrcPort, fieldExpectDstPort)
	icmpFields     = []field{fieldICMPType, fieldICMPCode, fieldICMPID}
)

func needing(name string, place int) longOption { return longOption{name, needsArgument, place} }

// portOptions are the options of protocols that have ports; with a state, those
// of expectations come one place later.
func portOptions(stateful bool, more ...longOption) []longOption {
	expect := 6
	if stateful {
		expect, more = 7, append(more, needing("state", 6))
	}
	return append([]longOption{
		needing("orig-port-src", 0), needing("sport", 0), needing("orig-port-dst", 1), needing("dport", 1),
		needing("reply-port-src", 2), needing("reply-port-dst", 3), needing("mask-port-src", 4), needing("mask-port-dst", 5),
		needing("tuple-port-src", expect), needing("tuple-port-dst", expect+1),
	}, more...)
}

// portLegal is what goes with which command for protocols that have ports:
// stateless, and what follows for a state and more.
func portLegal(state map[command]string, more map[command]string) map[command]string {
	all := map[command]string{}
	for c, ports := range map[command]string{
		list: "222200", create: "333300", update: "222200", remove: "222200", get: "333300", event: "222200",
		expectCreate: "110011", expectDelete: "111100", expectGet: "111100", add: "333300",
	} {
		expect := "00"
		if c == expectCreate {
			expect = "11"
		}
		all[c] = ports + state[c] + expect + more[c]
	}
	return all
}

// stateLegal is where --state goes: needed for new entries, of no use to expectations.
func stateLegal() map[command]string {
	return map[command]string{
		list: "2", create: "1", update: "2", remove: "2", get: "2", event: "2",
		expectCreate: "0", expectDelete: "0", expectGet: "0", add: "1",
	}
}

const (
	needPorts      = "you have to specify `--sport' and `--dport'"
	needReplyPorts = "you have to specify `--reply-src-port' and `--reply-dst-port'"
)

var (
	portFlags  = []string{"sport", "dport", "reply-port-src", "reply-port-dst", "mask-port-src", "mask-port-dst"}
	savedPorts = [4]string{"--sport ", "--dport ", "--reply-port-src ", "--reply-port-dst "}
	portHelp   = []string{
		"  --orig-port-src\t\toriginal source port", "  --orig-port-dst\t\toriginal destination port",
		"  --reply-port-src\t\treply source port", "  --reply-port-dst\t\treply destination port",
		"  --mask-port-src\t\tmask source port", "  --mask-port-dst\t\tmask destination port",
		"  --tuple-port-src\t\texpectation tuple src port", "  --tuple-port-src\t\texpectation tuple dst port",
	}
)

func names(all ...[]string) (joined []string) {
	for _, a := range all {
		joined = append(joined, a...)
	}
	return joined
}

var expectPortFlags = []string{"tuple-port-src", "tuple-port-dst"}

// protocols are those that have options of their own.
var protocols = []*protocol{
	{
		name: "tcp", number: packet.ProtoTCP, options: portOptions(true), fields: statefulFields, flags: names(portFlags, []string{"state"}, expectPortFlags),
		legal: portLegal(stateLegal(), nil), lack: [2]string{needPorts, needReplyPorts}, saved: savedPorts,
		states:  []string{"NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2"},
		unknown: "unknown TCP state `%s'", help: names(portHelp, []string{"  --state\t\t\tTCP state, fe. ESTABLISHED"}),
	},
	{
		name: "udp", number: packet.ProtoUDP, options: portOptions(false), fields: plainFields, flags: names(portFlags, expectPortFlags),
		legal: portLegal(nil, nil), lack: [2]string{needPorts, needReplyPorts}, saved: savedPorts, help: portHelp,
	},
	{
		name: "udplite", number: packet.ProtoUDPLite, options: portOptions(false), fields: plainFields, flags: names(portFlags, expectPortFlags),
		legal: portLegal(nil, nil), lack: [2]string{needPorts, needReplyPorts}, saved: savedPorts, help: portHelp,
	},
	{
		name: "sctp", number: packet.ProtoSCTP, options: portOptions(true, needing("orig-vtag", 9), needing("reply-vtag", 10)),
		fields: append(statefulFields[:9:9], fieldTagOrig, fieldTagReply),
		flags:  names(portFlags, []string{"state"}, expectPortFlags, []string{"orig-vtag", "reply-vtag"}),
		legal:  portLegal(stateLegal(), map[command]string{create: "11", add: "11", update: "22", get: "22", expectCreate: "11"}),
		lack:   [2]string{needPorts, needReplyPorts}, saved: savedPorts,
		states:  []string{"NONE", "CLOSED", "COOKIE_WAIT", "COOKIE_ECHOED", "ESTABLISHED", "SHUTDOWN_SENT", "SHUTDOWN_RECD", "SHUTDOWN_ACK_SENT"},
		unknown: "unknown SCTP state `%s'",
		help: names(portHelp, []string{"  --state\t\t\tSCTP state, fe. ESTABLISHED", "  --orig-vtag\t\toriginal verification tag",
			"  --reply-vtag\t\treply verification tag"}),
	},
	{
		name: "dccp", number: packet.ProtoDCCP, options: portOptions(true, needing("role", 9)),
		fields: append(statefulFields[:9:9], fieldRole),
		flags:  names(portFlags, []string{"state"}, expectPortFlags, []string{"role"}),
		legal:  portLegal(stateLegal(), map[command]string{create: "1", add: "1", expectCreate: "1"}),
		lack:   [2]string{needPorts, "you have to specify `--reply-port-src' and `--report-port-dst'"}, saved: savedPorts,
		states:  []string{"NONE", "REQUEST", "RESPOND", "PARTOPEN", "OPEN", "CLOSEREQ", "CLOSING", "TIMEWAIT", "IGNORE", "INVALID"},
		unknown: "Unknown DCCP state `%s'", help: names(portHelp, []string{"  --state\t\t\tDCCP state, fe. RESPOND"}),
	},
	{
		name: "icmp", number: packet.ProtoICMP, options: []longOption{needing("icmp-type", 0), needing("icmp-code", 1), needing("icmp-id", 2)}, fields: icmpFields,
		flags: []string{"icmp-type", "icmp-code", "icmp-id"}, legal: icmpLegal,
		help: []string{"  --icmp-type\t\t\ticmp type", "  --icmp-code\t\t\ticmp code", "  --icmp-id\t\t\ticmp id"},
	},
	{
		name: "icmpv6", number: packet.ProtoICMPv6, options: []longOption{needing("icmpv6-type", 0), needing("icmpv6-code", 1), needing("icmpv6-id", 2)}, fields: icmpFields,
		flags: []string{"icmpv6-type", "icmpv6-code", "icmpv6-id"}, legal: icmpLegal,
		help: []string{"  --icmpv6-type\t\t\ticmpv6 type", "  --icmpv6-code\t\t\ticmpv6 code", "  --icmpv6-id\t\t\ticmpv6 id"},
	},
	{
		name: "gre", number: packet.ProtoGRE,
		options: []longOption{
			needing("orig-key-src", 0), needing("srckey", 0), needing("orig-key-dst", 1), needing("dstkey", 1),
			needing("reply-key-src", 2), needing("reply-key-dst", 3), needing("mask-key-src", 4), needing("mask-key-dst", 5),
			needing("tuple-key-src", 6), needing("tuple-key-dst", 7),
		},
		fields: plainFields,
		flags:  []string{"srckey", "dstkey", "reply-key-src", "reply-key-dst", "mask-key-src", "mask-key-dst", "tuple-key-src", "tuple-key-dst"},
		legal:  greLegal(),
		lack:   [2]string{"you have to specify `--srckey' and `--dstkey'", "you have to specify `--reply-src-key' and `--reply-dst-key'"},
		saved:  [4]string{"--srckey ", "--dstkey ", "--reply-key-src ", "--reply-key-dst "},
		help: []string{"  --orig-key-src\t\toriginal source key", "  --orig-key-dst\t\toriginal destination key", "  --reply-key-src\t\treply source key",
			"  --reply-key-dst\t\treply destination key", "  --mask-key-src\t\tmask source key", "  --mask-key-dst\t\tmask destination key",
			"  --tuple-key-src\t\texpectation tuple src key", "  --tuple-key-src\t\texpectation tuple dst key"},
	},
}

var icmpLegal = map[command]string{list: "222", create: "112", update: "222", remove: "222", get: "112", event: "222", add: "112"}

// greLegal is portLegal, but that an expectation needs all of its options.
func greLegal() map[command]string {
	all := portLegal(nil, nil)
	all[expectCreate] = "11111111"
	return all
}

// protocolOf is the protocol of a number, nil where it has no options.
func protocolOf(number uint8) *protocol {
	for _, p := range protocols {
		if p.number == number {
			return p
		}
	}
	return nil
}

// maxProtocol is IPPROTO_RAW, the highest number that is taken.
const maxProtocol = 255

// findProtocol takes a protocol's name, whatever its case where it has options,
// or its number.
func findProtocol(word string) (p *protocol, number uint8, ok bool) {
	for _, p := range protocols {
		if strings.EqualFold(p.name, word) {
			return p, p.number, true
		}
	}
	if strings.ContainsFunc(word, func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }) && !strings.HasPrefix(word, "0") {
		number, err := packet.ParseProto(word)
		return nil, number, err == nil && word == strings.ToLower(word)
	}
	n, rest, found := strtoul(word, 0)
	if !found || rest != "" || n > maxProtocol {
		return nil, 0, false
	}
	return protocolOf(uint8(n)), uint8(n), true
}
