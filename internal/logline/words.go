package logline

import "bytes"

// isWord tells whether a packet line has the word key before an equal sign. They
// are those of net/netfilter/nf_log_syslog.c, and FRAG's and ID's colon is no such sign.
func isWord(key []byte) bool {
	switch string(key) {
	case "IN", "OUT", "PHYSIN", "PHYSOUT", "MAC", "MACSRC", "MACDST", "MACPROTO", "VPROTO", "VID", "TUNNEL",
		"SRC", "DST", "LEN", "TOS", "PREC", "TTL", "ID", "TC", "HOPLIMIT", "FLOWLBL", "PROTO",
		"SPT", "DPT", "SEQ", "ACK", "WINDOW", "RES", "URGP", "TYPE", "CODE", "PARAMETER", "POINTER", "GATEWAY", "MTU", "SPI",
		"HTYPE", "PTYPE", "OPCODE", "IPSRC", "IPDST", "UID", "GID", "MARK":
		return true
	}
	return false
}

// isTelling is isWord for the words that hardly anything but a packet line has.
// Every line that Parse reads has one of them.
func isTelling(key []byte) bool {
	switch string(key) {
	case "OUT", "SRC", "DST", "PREC", "TTL", "HOPLIMIT", "FLOWLBL", "PROTO", "SPT", "DPT", "WINDOW", "RES", "URGP":
		return true
	}
	return false
}

// longestWord is PARAMETER.
const longestWord = 9

// keyBefore is the capitals that end at the equal sign b[eq].
func keyBefore(b []byte, eq int) []byte {
	start := eq
	for start > 0 && eq-start <= longestWord && isCapital(b[start-1]) {
		start--
	}
	return b[start:eq]
}

func isCapital(c byte) bool { return c-'A' <= 'Z'-'A' }

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }

// isWebBlank knows the blank that web pages use (U+00A0).
func isWebBlank(b []byte, i int) bool { return b[i] == 0xc2 && i+1 < len(b) && b[i+1] == 0xa0 }

// skipBlanks passes over blanks, those of web pages included.
func skipBlanks(b []byte, i int) int {
	for i < len(b) {
		switch {
		case isBlank(b[i]):
			i++
		case isWebBlank(b, i):
			i += 2
		default:
			return i
		}
	}
	return i
}

// wordEnd is where the next blank stands.
func wordEnd(b []byte, i int) int {
	for i < len(b) && !isBlank(b[i]) && !isWebBlank(b, i) {
		i++
	}
	return i
}

// Find returns the offset of the first byte in b that may belong to a packet
// line, the beginning of one of its words, or -1 when there is none: b then
// holds no line that Parse reads, unless it was cut within a word. It reads b
// about as fast as memory gives it, so look for the line's ends only around what it finds.
func Find(b []byte) int {
	for i := 0; ; {
		eq := bytes.IndexByte(b[i:], '=')
		if eq < 0 {
			return -1
		}
		if i += eq; i > 0 && isCapital(b[i-1]) {
			if key := keyBefore(b, i); isTelling(key) {
				return i - len(key)
			}
		}
		i++
	}
}
