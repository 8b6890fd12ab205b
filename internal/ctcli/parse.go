package ctcli

import (
	"fmt"
	"io"
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

// status keeps what is to be set, and what the kernel is to look for. A mark that
// was said before stays, as from 1.4.8 on.
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
	p.r.status.value = all
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
