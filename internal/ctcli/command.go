package ctcli

// command is what is to be done, and with which table.
type command uint8

const (
	list command = iota
	create
	update
	remove
	get
	flush
	event
	version
	help
	expectList
	expectCreate
	expectDelete
	expectGet
	expectFlush
	expectEvent
	count
	expectCount
	stats
	expectStats
	add
	noCommand
)

// commandOption is what an option asks for, of entries and of expectations.
type commandOption struct {
	flow, expect command
	hasExpect    bool
}

var commandOptions = map[int]commandOption{
	'L': {list, expectList, true}, 'I': {create, expectCreate, true}, 'D': {remove, expectDelete, true},
	'G': {get, expectGet, true}, 'F': {flush, expectFlush, true}, 'E': {event, expectEvent, true},
	'V': {version, version, true}, 'h': {help, help, true}, 'C': {count, expectCount, true},
	'S': {stats, expectStats, true}, 'U': {flow: update}, 'A': {flow: add},
}

// options is the options that were given, one bit each.
type options uint32

const (
	optSrc options = 1 << iota
	optDst
	optReplySrc
	optReplyDst
	optProto
	optTimeout
	optStatus
	optZero
	optEventMask
	optExpectSrc
	optExpectDst
	optMaskSrc
	optMaskDst
	optNATRange
	optMark
	optID
	optFamily
	optSrcNAT
	optDstNAT
	optOutput
	optSecMark
	optBufferSize
	optAnyNAT
	optZone
	optLabel
	optAddLabel
	optDelLabel
	optOrigZone
	optReplyZone

	optOrig  = optSrc | optDst
	optReply = optReplySrc | optReplyDst

	// compared are the options by which entries are compared with what was given.
	compared = optProto | optOrig | optReply | optMark | optSecMark | optStatus | optID | optZone | optLabel | optOrigZone | optReplyZone
)

// optionNames are what messages call the options, by bit.
var optionNames = []string{
	"src", "dst", "reply-src", "reply-dst", "protonum", "timeout", "status", "zero", "event-mask", "tuple-src",
	"tuple-dst", "mask-src", "mask-dst", "nat-range", "mark", "id", "family", "src-nat", "dst-nat", "output",
	"secmark", "buffer-size", "any-nat", "zone", "label", "label-add", "label-del", "orig-zone", "reply-zone",
}

// optionBits are the bits of the options that take no more than that.
var optionBits = map[int]options{
	's': optSrc, 'd': optDst, 'r': optReplySrc, 'q': optReplyDst, '{': optMaskSrc, '}': optMaskDst,
	'[': optExpectSrc, ']': optExpectDst, 'n': optSrcNAT, 'g': optDstNAT, 'm': optMark, 'c': optSecMark,
	'i': optID, 'j': optAnyNAT, 'w': optZone, 'l': optLabel, '<': optAddLabel, '>': optDelLabel,
	'(': optOrigZone, ')': optReplyZone,
}

// legal says which options go with which command, by the options' bits: 0 none,
// 1 needed, 2 possible, 3 only in certain pairs.
var legal = map[command]string{
	list:         "22222022000220202222202220022",
	create:       "33331120000002200220000202022",
	update:       "22222220000220222222000022200",
	remove:       "22222220000220222222000220022",
	get:          "33331000000000020002000020000",
	flush:        "00000000000000002000000000000",
	event:        "22222000200220202222222220022",
	help:         "00002",
	expectList:   "0000000000000000200200000",
	expectCreate: "1122112001111",
	expectDelete: "11221",
	expectGet:    "11221",
	expectEvent:  "00000000000000000002",
	add:          "33331120000002200220000202022",
}

var shortOptions = map[byte]argument{
	'L': mayHaveArgument, 'I': mayHaveArgument, 'U': mayHaveArgument, 'D': mayHaveArgument, 'G': mayHaveArgument,
	'E': mayHaveArgument, 'F': mayHaveArgument, 'A': mayHaveArgument, 'C': mayHaveArgument,
	'n': mayHaveArgument, 'g': mayHaveArgument, 'j': mayHaveArgument, '>': mayHaveArgument,
	'h': noArgument, 'V': noArgument, 'z': noArgument, 'S': noArgument,
	's': needsArgument, 'd': needsArgument, 'r': needsArgument, 'q': needsArgument, 'p': needsArgument,
	't': needsArgument, 'u': needsArgument, 'e': needsArgument, 'a': needsArgument, '[': needsArgument,
	']': needsArgument, '{': needsArgument, '}': needsArgument, 'm': needsArgument, 'i': needsArgument,
	'f': needsArgument, 'o': needsArgument, 'c': needsArgument, 'b': needsArgument, 'w': needsArgument,
	'l': needsArgument, '<': needsArgument, '(': needsArgument, ')': needsArgument,
}

// longOptions are the options of two dashes; where one has several names the
// first is what messages call it.
var longOptions = []longOption{
	{"dump", mayHaveArgument, 'L'}, {"create", mayHaveArgument, 'I'}, {"add", mayHaveArgument, 'A'},
	{"delete", mayHaveArgument, 'D'}, {"update", mayHaveArgument, 'U'}, {"get", mayHaveArgument, 'G'},
	{"flush", mayHaveArgument, 'F'}, {"event", mayHaveArgument, 'E'}, {"counter", mayHaveArgument, 'C'},
	{"stats", noArgument, 'S'}, {"version", noArgument, 'V'}, {"help", noArgument, 'h'},
	{"orig-src", needsArgument, 's'}, {"src", needsArgument, 's'}, {"orig-dst", needsArgument, 'd'}, {"dst", needsArgument, 'd'},
	{"reply-src", needsArgument, 'r'}, {"reply-dst", needsArgument, 'q'}, {"protonum", needsArgument, 'p'},
	{"timeout", needsArgument, 't'}, {"status", needsArgument, 'u'}, {"zero", noArgument, 'z'},
	{"event-mask", needsArgument, 'e'}, {"tuple-src", needsArgument, '['}, {"tuple-dst", needsArgument, ']'},
	{"mask-src", needsArgument, '{'}, {"mask-dst", needsArgument, '}'}, {"nat-range", needsArgument, 'a'},
	{"mark", needsArgument, 'm'}, {"secmark", needsArgument, 'c'}, {"id", mayHaveArgument, 'i'},
	{"family", needsArgument, 'f'}, {"src-nat", mayHaveArgument, 'n'}, {"dst-nat", mayHaveArgument, 'g'},
	{"output", needsArgument, 'o'}, {"buffer-size", needsArgument, 'b'}, {"any-nat", mayHaveArgument, 'j'},
	{"zone", needsArgument, 'w'}, {"label", needsArgument, 'l'}, {"label-add", needsArgument, '<'},
	{"label-del", mayHaveArgument, '>'}, {"orig-zone", needsArgument, '('}, {"reply-zone", needsArgument, ')'},
}

func longName(val int) string {
	for _, o := range longOptions {
		if o.val == val {
			return o.name
		}
	}
	return "unknown"
}
