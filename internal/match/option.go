package match

// option is one option of MATCH.
type option struct {
	names  []string // the first is what String prints
	values int      // how many arguments follow
	fixed  bool     // cannot be negated
	set    func(s *scanner, given argument) *Error

	// For the table of docs/match.md.
	what    string
	lists   bool
	ranges  string
	example string
}

// argument is one option as it was typed.
type argument struct {
	option *option
	typed  string // the words, for messages
	not    bool
	values []string
}

// options is the closed list of what MATCH understands.
func options() []*option {
	return []*option{
		{names: []string{"-4", "--ipv4"}, fixed: true, set: setFamily, what: "IPv4 only", example: "-4"},
		{names: []string{"-6", "--ipv6"}, fixed: true, set: setFamily, what: "IPv6 only", example: "-6"},
		{names: []string{"-p", "--protocol", "--proto"}, values: 1, set: setProtocol, what: "transport protocol, by name or number", lists: true, example: "-p tcp,udp"},
		{names: []string{"-s", "--source", "--src"}, values: 1, set: setAddresses, what: "source address", lists: true, ranges: "prefix or netmask", example: "-s 10.0.0.0/8"},
		{names: []string{"-d", "--destination", "--dst"}, values: 1, set: setAddresses, what: "destination address", lists: true, ranges: "prefix or netmask", example: "-d 2001:db8::1"},
		{names: []string{"--sport", "--source-port", "--sports", "--source-ports"}, values: 1, set: setPorts, what: "source port, by number or service", lists: true, ranges: "`LO:HI`, `LO:`, `:HI`", example: "-p udp --sport 53"},
		{names: []string{"--dport", "--destination-port", "--dports", "--destination-ports"}, values: 1, set: setPorts, what: "destination port, by number or service", lists: true, ranges: "`LO:HI`, `LO:`, `:HI`", example: "-p tcp --dport 80,443,1000:2000"},
		{names: []string{"--ports", "--port"}, values: 1, set: setPorts, what: "source or destination port", lists: true, ranges: "`LO:HI`, `LO:`, `:HI`", example: "-p tcp --ports 53"},
		{names: []string{"-i", "--in-interface"}, values: 1, set: setInterfaces, what: "interface the packet came in by", lists: true, ranges: "`eth+`, `eth*`", example: "-i eth0"},
		{names: []string{"--out-interface", "-o"}, values: 1, set: setInterfaces, what: "interface the packet leaves by", lists: true, ranges: "`eth+`, `eth*`", example: "--out-interface eth0"},
		{names: []string{"--mark"}, values: 1, set: setMark, what: "packet mark, `VALUE` or `VALUE/MASK`", ranges: "mask", example: "--mark 0x1/0xff"},
		{names: []string{"--icmp-type"}, values: 1, set: setICMPType, what: "ICMP type, by name, `TYPE` or `TYPE/CODE`; implies `-p icmp`", lists: true, example: "--icmp-type echo-request"},
		{names: []string{"--icmpv6-type"}, values: 1, set: setICMPType, what: "ICMPv6 type, by name, `TYPE` or `TYPE/CODE`; implies `-p icmpv6`", lists: true, example: "--icmpv6-type packet-too-big"},
		{names: []string{"--syn"}, set: setSYN, what: "opens a TCP connection: SYN without ACK, RST, FIN; implies `-p tcp`", example: "--syn"},
		{names: []string{"--tcp-flags"}, values: 2, set: setTCPFlags, what: "of the TCP flags in `MASK`, exactly those in `COMP` are set; implies `-p tcp`", example: "--tcp-flags SYN,RST SYN"},
		{names: []string{"--both"}, fixed: true, set: setBoth, what: "the replies too", example: "--both"},
		{names: []string{"-m", "--match"}, values: 1, fixed: true, set: setModule, what: "taken and left aside where iptables needs it for the options above", example: "-p tcp -m tcp --dport 80"},
		{names: []string{"--comment"}, values: 1, fixed: true, set: ignore, what: "taken and left aside", example: "-m comment --comment web"},
	}
}

// refused maps words of a whole rule, which people paste, to what to do instead.
func refused() map[string]*Error {
	target := wrong("what a rule does is not part of which packets are meant", "leave the target away")
	table := wrong("which packets are meant does not depend on a table", "leave -t TABLE away: every table is looked at")
	chain := wrong("which packets are meant does not depend on a chain", "leave the chain away; where tracing starts is said with --from prerouting, output or ingress")
	fragment := wrong("fragments are not part of MATCH", "leave it away: fragments of a matching packet are joined to it by their IP id")
	return map[string]*Error{
		"-j": target, "--jump": target, "-g": target, "--goto": target,
		"-t": table, "--table": table,
		"-A": chain, "--append": chain, "-I": chain, "--insert": chain, "-D": chain, "--delete": chain, "-C": chain, "--check": chain,
		"-f": fragment, "--fragment": fragment,
	}
}

// byName is the options under all their names.
func byName() map[string]*option {
	all := map[string]*option{}
	for _, o := range options() {
		for _, name := range o.names {
			all[name] = o
		}
	}
	return all
}
