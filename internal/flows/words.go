package flows

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/packet"
)

// States that hold for entries of any protocol.
const (
	stateNew         = "NEW"
	stateUnreplied   = "UNREPLIED"
	stateAssured     = "ASSURED"
	stateEstablished = "ESTABLISHED"
)

// States are the words of ParseStates: those for entries of any protocol, then
// those of TCP, SCTP and DCCP.
func States() []string {
	words := []string{stateNew, stateUnreplied, stateAssured, stateEstablished}
	add := func(word string) {
		if _, err := strconv.Atoi(word); err != nil && !slices.Contains(words, word) { // a number is a state without a name
			words = append(words, word)
		}
	}
	for n := range uint8(32) {
		add(conntrack.TCPState(n).String())
	}
	for n := range uint8(32) {
		add(conntrack.SCTPState(n).String())
	}
	for n := range uint8(32) {
		add(conntrack.DCCPState(n).String())
	}
	return words
}

// ParseStates reads states with commas between them, each with a ! before it for
// entries that have none of them.
func ParseStates(text string) (w Words, err error) {
	items := strings.Split(text, ",")
	for _, item := range items {
		word, not := strings.CutPrefix(strings.TrimSpace(item), "!")
		if len(w.Any) > 0 && not != w.Not {
			return w, fmt.Errorf("%s: with ! and without cannot be told at once", text)
		}
		w.Not = not
		word = kernelWord(word)
		if !slices.Contains(States(), word) {
			return w, fmt.Errorf("%q is no state", item)
		}
		w.Any = append(w.Any, word)
	}
	return w, nil
}

// kernelWord is a word as the kernel writes it: TIME_WAIT for time-wait.
func kernelWord(word string) string {
	return strings.ToUpper(strings.ReplaceAll(strings.TrimSpace(word), "-", "_"))
}

// StatusWords are the words of ParseStatus.
func StatusWords() []string {
	words := []string{}
	for bit := conntrack.Status(1); bit != 0; bit <<= 1 {
		if name := bit.String(); !strings.HasPrefix(name, "0x") {
			words = append(words, name)
		}
	}
	return append(words, stateUnreplied)
}

// ParseStatus reads names of bits with commas between them, which must be set,
// or must not where a ! stands before. UNREPLIED is !SEEN_REPLY.
func ParseStatus(text string) (b Bits, err error) {
	for item := range strings.SplitSeq(text, ",") {
		word, not := strings.CutPrefix(strings.TrimSpace(item), "!")
		bit, ok := statusBit(kernelWord(word))
		if kernelWord(word) == stateUnreplied {
			bit, not, ok = conntrack.SeenReply, !not, true
		}
		if !ok {
			return b, fmt.Errorf("%q is no status", item)
		}
		if not {
			b.Unset |= bit
		} else {
			b.Set |= bit
		}
	}
	if both := b.Set & b.Unset; both != 0 {
		return b, fmt.Errorf("%s: no entry has %s and has it not", text, both)
	}
	return b, nil
}

func statusBit(word string) (conntrack.Status, bool) {
	for bit := conntrack.Status(1); bit != 0; bit <<= 1 {
		if bit.String() == word {
			return bit, true
		}
	}
	return 0, false
}

// StatesOf are the words that SetState takes for a protocol, none where it has no
// states that a request can set.
func StatesOf(proto uint8) (words []string) {
	for n := range uint8(32) {
		name := ""
		switch proto {
		case packet.ProtoTCP:
			name = conntrack.TCPState(n).String()
		case packet.ProtoSCTP:
			name = conntrack.SCTPState(n).String()
		}
		if _, err := strconv.Atoi(name); err != nil && name != "" {
			words = append(words, name)
		}
	}
	return words
}

// SetState makes the state of a request for an entry of a protocol that has
// states.
func SetState(f *conntrack.Flow, proto uint8, text string) error {
	n := slices.Index(StatesOf(proto), kernelWord(text))
	switch {
	case n < 0:
		return fmt.Errorf("%q is no state of the protocol", text)
	case proto == packet.ProtoTCP:
		f.TCP.State = conntrack.TCPState(n)
		f.Has |= conntrack.HasTCPState
	default:
		f.SCTP.State = conntrack.SCTPState(n)
		f.Has |= conntrack.HasSCTPState
	}
	return nil
}
