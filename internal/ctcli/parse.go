package ctcli

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/packet"
)

// parser understands command lines, one after the other. What conntrack keeps
// between the lines of a file is kept: forms of output and the last protocol.
type parser struct {
	warn   io.Writer
	output output
	labels *Labels
	asked  bool // the names of labels were looked for

	proto *protocol // with options, nil for others
	known bool      // a protocol was named

	// Of the line that is read:
	r          *request
	opts       *getopt
	commandSet bool
	base       int // value of the first option of the protocol
	protoFlags uint32
}

// protoBase is where the values of protocols' options begin.
const protoBase = 256

// parse understands one line; argv[0] is the program's name.
func (p *parser) parse(argv []string) (*request, error) {
	p.r = &request{command: noCommand}
	p.opts = newGetopt(argv, shortOptions, longOptions)
	p.commandSet, p.base, p.protoFlags = false, 0, 0
	for {
		val := p.opts.next()
		if val == endOfOptions {
			break
		}
		if err := p.option(val); err != nil {
			return nil, err
		}
	}
	return p.r, p.finish()
}

func (p *parser) option(val int) error {
	arg := p.opts.arg
	switch val {
	case missingArgument:
		return misuse("option `%s' requires an argument", p.opts.argv[p.opts.index-1])
	case unknownOption:
		return misuse("unknown option `%s'", p.opts.argv[p.opts.index-1])
	case 's', 'd', 'r', 'q', '[', ']', '{', '}':
		return p.address(val, arg)
	case 'p':
		return p.protocol(arg)
	case 'n', 'g', 'j':
		return p.nat(val)
	case 'l', '<', '>':
		return p.label(val, arg)
	case 'f':
		return p.family(arg)
	case 'o':
		return p.form(arg)
	case 'u':
		return p.status(arg)
	}
	if c, ok := commandOptions[val]; ok {
		return p.command(val, c)
	}
	if val >= protoBase {
		return p.protoOption(val, arg)
	}
	return p.plain(val, arg)
}

func (p *parser) command(val int, c commandOption) error {
	t, err := p.table()
	if err != nil {
		return err
	}
	chosen := c.flow
	switch {
	case t == tableExpects && !c.hasExpect:
		return misuse("Can't do --%s on expectations", longName(val))
	case t == tableExpects:
		chosen = c.expect
	case t != tableFlows && val != 'L':
		return misuse("Can't do that command with tables `dying' and `unconfirmed'")
	}
	if p.commandSet {
		return misuse("Invalid commands combination")
	}
	p.r.command, p.r.table, p.commandSet = chosen, t, true
	return nil
}

func (p *parser) table() (table, error) {
	word, ok := p.opts.optional()
	if !ok {
		return tableFlows, nil
	}
	for _, t := range [...]struct {
		name  string
		table table
	}{{"expect", tableExpects}, {"conntrack", tableFlows}, {"dying", tableDying}, {"unconfirmed", tableUnconfirmed}} {
		if strings.HasPrefix(t.name, word) {
			return t.table, nil
		}
	}
	return 0, misuse("unknown type `%s'", word)
}

// plain takes the options whose argument is a number or words.
func (p *parser) plain(val int, arg string) (err error) {
	r := p.r
	r.options |= optionBits[val]
	switch val {
	case 't':
		r.options |= optTimeout
		r.flow.Timeout = uint32(number(arg, 10))
		r.flow.Has |= conntrack.HasTimeout
	case 'e':
		r.options |= optEventMask
		var events uint32
		events, err = eventWords.parse(arg, p.warn)
		r.events |= eventMask(events)
	case 'z':
		r.options |= optZero
	case 'w':
		r.flow.Zone = uint16(number(arg, 0))
		r.flow.Has |= conntrack.HasZone
	case '(':
		r.flow.Orig.Zone = uint16(number(arg, 0))
		r.flow.Orig.Has |= conntrack.HasTupleZone
	case ')':
		r.flow.Reply.Zone = uint16(number(arg, 0))
		r.flow.Reply.Has |= conntrack.HasTupleZone
	case 'i':
		r.flow.ID = uint32(number(arg, 0))
		r.flow.Has |= conntrack.HasID
	case 'c':
		r.flow.SecMark = uint32(number(arg, 0))
		r.flow.Has |= conntrack.HasSecMark
	case 'm':
		r.mark = parseMasked(arg)
	case 'b':
		r.options |= optBufferSize
		r.buffer = int(number(arg, 10))
	case 'a':
		_, err = fmt.Fprint(p.warn, "WARNING: ignoring -a, deprecated option.\n")
	}
	return err
}

// parseMasked takes a value and a mask.
func parseMasked(arg string) maskedBits {
	v, rest, _ := strtoul(arg, 0)
	mask, ok := strings.CutPrefix(rest, "/")
	if !ok {
		return maskedBits{uint32(v), ^uint32(0)}
	}
	return maskedBits{uint32(v), uint32(number(mask, 0))}
}

// status keeps what is to be set, and what the kernel is to look for. It also
// overwrites a mark's value that was said before, as conntrack does.
func (p *parser) status(arg string) error {
	s, err := parseStatus(arg, p.warn)
	if err != nil {
		return err
	}
	p.r.options |= optStatus
	p.r.flow.Status |= conntrack.Status(s.value)
	p.r.flow.Has |= conntrack.HasStatus
	all := uint32(p.r.flow.Status)
	p.r.status.mask |= s.mask
	if p.r.status.mask == 0 {
		p.r.status.mask = all
	}
	p.r.status.value, p.r.mark.value = all, all
	return nil
}

func (p *parser) form(arg string) error {
	p.r.options |= optOutput
	o, err := outputWords.parse(arg, p.warn)
	if err != nil {
		return err
	}
	p.output |= output(o)
	if p.output&outLabels != 0 {
		p.loadLabels()
	}
	if p.output&outSave != 0 && p.output&^outSave != 0 {
		return failed("cannot combine save output with any other output type, use -o save only")
	}
	return nil
}

// loadLabels reads the names of labels once they are needed. Without, there are none.
func (p *parser) loadLabels() {
	if p.labels != nil {
		return
	}
	file, err := os.Open(LabelsFile)
	if err == nil {
		defer func() { _ = file.Close() }()
		p.labels, err = ReadLabels(file)
		if err == nil && len(p.labels.bits) > 0 {
			return
		}
		p.labels = nil
	}
	words := "Success"
	if err != nil {
		words = reason(noCommand, err)
	}
	_, _ = fmt.Fprintf(p.warn, "nfct_labelmap_new: %s\n", words)
}

func (p *parser) label(val int, arg string) error {
	p.r.options |= optionBits[val]
	p.loadLabels()
	if p.r.options&(optAddLabel|optDelLabel) == optAddLabel|optDelLabel {
		return failed("cannot use --label-add and --label-del at the same time")
	}
	if val == '>' {
		var ok bool
		if arg, ok = p.opts.optional(); !ok {
			return nil
		}
	}
	set := &p.r.setLabels
	if val == 'l' {
		set = &p.r.label
	}
	if *set == nil {
		*set = &labelSet{}
	}
	if name, ok := (*set).add(p.labels, arg); !ok {
		return misuse("unknown label '%s'", name)
	}
	return nil
}

func (p *parser) family(arg string) error {
	p.r.options |= optFamily
	switch {
	case strings.HasPrefix(arg, "ipv4"):
		return p.setFamily(packet.IPv4)
	case strings.HasPrefix(arg, "ipv6"):
		return p.setFamily(packet.IPv6)
	}
	return misuse("`%s' unsupported protocol", arg)
}

func (p *parser) setFamily(f packet.Family) error {
	if p.r.family != packet.Unspec && p.r.family != f {
		return misuse("mismatched address family")
	}
	p.r.family = f
	return nil
}

// maskOption is the option that a prefix length behind an address stands for.
var maskOption = map[int]int{'s': '{', 'd': '}', '[': '{', ']': '}'}

func (p *parser) address(val int, arg string) error {
	a, prefix, ok := parseAddr(arg)
	if !ok {
		return misuse("Invalid IP address `%s'", arg)
	}
	if err := p.setFamily(familyOf(a)); err != nil {
		return err
	}
	mask := maskOption[val]
	switch {
	case prefix != noPrefix && mask == 0:
		return misuse("CIDR notation unavailable for `--%s'", longName(val))
	case prefix == badPrefix:
		return misuse("Invalid netmask")
	}
	p.setAddr(val, a)
	if prefix != noPrefix && mask != 0 && prefix != a.BitLen() {
		p.setAddr(mask, netmask(a, prefix))
	}
	return nil
}

func (p *parser) setAddr(val int, a netip.Addr) {
	r := p.r
	r.options |= optionBits[val]
	to := map[int]struct {
		addr   *netip.Addr
		family *packet.Family
	}{
		's': {&r.flow.Orig.Src, &r.origFamily}, 'd': {&r.flow.Orig.Dst, &r.origFamily},
		'r': {&r.flow.Reply.Src, &r.replyFamily}, 'q': {&r.flow.Reply.Dst, &r.replyFamily},
		'[': {&r.expect.Src, &r.expectFamily}, ']': {&r.expect.Dst, &r.expectFamily},
		'{': {&r.mask.Src, &r.maskFamily}, '}': {&r.mask.Dst, &r.maskFamily},
	}[val]
	*to.addr, *to.family = a, familyOf(a)
}

func (p *parser) nat(val int) error {
	p.r.options |= optionBits[val]
	word, ok := p.opts.optional()
	if !ok {
		return nil
	}
	text, port, hasPort, err := splitPort(word)
	if err != nil {
		return err
	}
	a, prefix, ok := parseAddr(text)
	if !ok {
		return misuse("Invalid IP address `%s'", text)
	}
	if err := p.setFamily(familyOf(a)); err != nil {
		return err
	}
	if prefix != noPrefix {
		return misuse("CIDR notation unavailable for `--%s'", longName(val))
	}
	if val != 'j' {
		p.r.origFamily = familyOf(a)
	}
	for i, side := range [...]struct {
		val    int
		target *conntrack.NATRange
		has    conntrack.Fields
	}{{'n', &p.r.flow.SrcNAT, conntrack.HasSrcNAT}, {'g', &p.r.flow.DstNAT, conntrack.HasDstNAT}} {
		if val != 'j' && val != side.val {
			continue
		}
		side.target.Min = a
		p.r.flow.Has |= side.has
		if hasPort {
			n := uint16(number(port, 10))
			side.target.MinPort, side.target.MaxPort, p.r.natPort[i] = n, n, true
		}
	}
	return nil
}

func (p *parser) protocol(arg string) error {
	p.r.options |= optProto
	proto, num, ok := findProtocol(arg)
	if !ok {
		return misuse("`%s' unsupported protocol", arg)
	}
	p.proto, p.known = proto, true
	p.r.proto, p.r.flow.Orig.Proto = num, num
	p.r.flow.Orig.Has |= conntrack.HasProto
	p.base += protoBase
	if proto != nil {
		for _, o := range proto.options {
			p.opts.long = append(p.opts.long[:len(p.opts.long):len(p.opts.long)], longOption{o.name, needsArgument, p.base + o.place})
		}
	}
	return nil
}

// protoOption takes an option of the protocol that was named last.
func (p *parser) protoOption(val int, arg string) error {
	place := val - p.base
	if p.proto == nil || place < 0 {
		return nil
	}
	p.protoFlags |= 1 << place
	return p.setField(p.proto.fields()[place], arg)
}

func (p *parser) setField(f field, arg string) error {
	r, n := p.r, uint16(number(arg, p.numberBase()))
	switch f {
	case fieldSrcPort:
		setPort(&r.flow.Orig, conntrack.HasSrcPort, n, p.proto.number)
	case fieldDstPort:
		setPort(&r.flow.Orig, conntrack.HasDstPort, n, p.proto.number)
	case fieldReplySrcPort:
		setPort(&r.flow.Reply, conntrack.HasSrcPort, n, p.proto.number)
	case fieldReplyDstPort:
		setPort(&r.flow.Reply, conntrack.HasDstPort, n, p.proto.number)
	case fieldMaskSrcPort:
		setPort(&r.mask, conntrack.HasSrcPort, n, p.proto.number)
	case fieldMaskDstPort:
		setPort(&r.mask, conntrack.HasDstPort, n, p.proto.number)
	case fieldExpectSrcPort:
		setPort(&r.expect, conntrack.HasSrcPort, n, p.expectProto(n))
	case fieldExpectDstPort:
		setPort(&r.expect, conntrack.HasDstPort, n, p.expectProto(n))
	case fieldICMPType, fieldICMPCode, fieldICMPID:
		p.setICMP(f, n)
	case fieldState:
		return p.setState(arg)
	case fieldRole:
		return p.setRole(arg)
	case fieldTagOrig:
		r.flow.SCTP.TagOrig, r.flow.Has = swap(uint32(number(arg, 10))), r.flow.Has|conntrack.HasSCTPTagOrig
	case fieldTagReply:
		r.flow.SCTP.TagReply, r.flow.Has = swap(uint32(number(arg, 10))), r.flow.Has|conntrack.HasSCTPTagReply
	}
	return nil
}

// numberBase: keys of GRE may be in hex.
func (p *parser) numberBase() int {
	if p.proto.number == packet.ProtoGRE {
		return 0
	}
	return 10
}

// expectProto is the protocol that conntrack gives to an expectation's tuple:
// with those that have states, the first byte of the port.
func (p *parser) expectProto(port uint16) uint8 {
	if p.proto.states != nil {
		return uint8(port >> 8)
	}
	return p.proto.number
}

func setPort(t *conntrack.Tuple, has conntrack.TupleFields, port uint16, proto uint8) {
	if has == conntrack.HasSrcPort {
		t.SrcPort = port
	} else {
		t.DstPort = port
	}
	t.Proto = proto
	t.Has |= has | conntrack.HasProto
}

func (p *parser) setICMP(f field, n uint16) {
	orig, reply := &p.r.flow.Orig, &p.r.flow.Reply
	switch f {
	case fieldICMPType:
		p.r.setICMPType(uint8(n))
		orig.Has |= conntrack.HasICMPType
	case fieldICMPCode:
		orig.ICMPCode, reply.ICMPCode = uint8(n), uint8(n)
		orig.Has |= conntrack.HasICMPCode
	case fieldICMPID:
		orig.ICMPID, reply.ICMPID = n, n
		orig.Has |= conntrack.HasICMPID
	}
	if p.r.replyFamily != packet.Unspec {
		reply.Proto, reply.Has = p.proto.number, reply.Has|conntrack.HasProto
	}
}

func (p *parser) setState(arg string) error {
	state := -1
	for i, name := range p.proto.states {
		if name == arg {
			state = i
		}
	}
	if state < 0 && p.proto.number == packet.ProtoTCP && arg == "LISTEN" {
		state = int(conntrack.TCPSynSent2)
	}
	if state < 0 {
		return misuse(p.proto.unknown, arg)
	}
	f := &p.r.flow
	switch p.proto.number {
	case packet.ProtoTCP:
		f.TCP.State, f.Has = conntrack.TCPState(state), f.Has|conntrack.HasTCPState
	case packet.ProtoSCTP:
		f.SCTP.State, f.Has = conntrack.SCTPState(state), f.Has|conntrack.HasSCTPState
	case packet.ProtoDCCP:
		f.DCCP.State, f.Has = conntrack.DCCPState(state), f.Has|conntrack.HasDCCPState
	}
	return nil
}

func (p *parser) setRole(arg string) error {
	for i, name := range [...]string{"client", "server"} {
		if begins(name, arg) {
			p.r.flow.DCCP.Role, p.r.flow.Has = uint8(i), p.r.flow.Has|conntrack.HasDCCPRole
			return nil
		}
	}
	return misuse("Unknown DCCP role `%s'", arg)
}
