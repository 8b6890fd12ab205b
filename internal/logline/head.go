package logline

import "bytes"

// nameLength is the longest interface name (IFNAMSIZ without the zero).
const nameLength = 15

// prefixLength is the longest prefix (NF_LOG_PREFIXLEN without the zero).
const prefixLength = 127

// head is where the kernel's part of a line begins: IN=name OUT=name.
type head struct {
	at      int // of IN=
	in, out []byte
	end     int // behind out
	sure    bool
}

// findHead looks for the kernel's part from b[from] on. A prefix may hold words
// such as IN=x too, so it takes the first place that goes on as the kernel does,
// and else the first that looks like it.
func findHead(b []byte, from int) (h head, ok bool) {
	for i := from; ; {
		eq := bytes.IndexByte(b[i:], '=')
		if eq < 0 || ok && i+eq > h.end+prefixLength {
			return h, ok
		}
		i += eq + 1
		if found, is := headAt(b, i-1, from); is && found.sure {
			return found, true
		} else if is && !ok {
			h, ok = found, true
		}
	}
}

// headAt reads a head whose first equal sign is b[eq].
func headAt(b []byte, eq, from int) (h head, ok bool) {
	if eq-2 < from || b[eq-1] != 'N' || b[eq-2] != 'I' {
		return h, false
	}
	in := deviceName(b, eq+1)
	i := eq + 1 + len(in)
	if glued := bytes.Index(in, []byte(wordOUT)); glued == 0 || glued > 0 && !isCapital(in[glued-1]) { // the blank between them was lost
		in, i = in[:glued], eq+1+glued
	}
	if i = skipBlanks(b, i); !bytes.HasPrefix(b[i:], []byte(wordOUT)) {
		return h, false
	}
	out := deviceName(b, i+len(wordOUT))
	if len(in) > nameLength || len(out) > nameLength {
		return h, false
	}
	end := i + len(wordOUT) + len(out)
	return head{at: eq - 2, in: in, out: out, end: end, sure: goesOn(b, end)}, true
}

const wordOUT = "OUT="

// deviceName is what may be an interface's name: no blank, no more bytes than
// names have. (A longer one is a prefix's word.)
func deviceName(b []byte, i int) []byte {
	end := i
	for end < len(b) && end-i <= nameLength+len(wordOUT) && !isBlank(b[end]) && !isWebBlank(b, end) {
		end++
	}
	return b[i:end]
}

// goesOn tells whether the words behind a head are the kernel's.
func goesOn(b []byte, i int) bool {
	i = skipBlanks(b, i)
	if i == len(b) {
		return true
	}
	eq := i
	for eq < len(b) && isCapital(b[eq]) {
		eq++
	}
	if eq == len(b) {
		return true
	}
	if b[eq] != '=' {
		word := b[i:wordEnd(b, i)]
		return string(word) == "ARP" || string(word) == "TRUNCATED" || bytes.HasPrefix(b[i:], []byte(ebtSource))
	}
	switch key := b[i:eq]; string(key) {
	case "IN", "OUT":
		return false
	case "SRC":
		_, end, _, ok := address(b, eq+1)
		return ok || end == len(b)
	default:
		return isWord(key)
	}
}

const ebtSource = "MAC source = "

// crowded tells whether what stands before a line's head has so many of a packet
// line's words that it is no prefix.
func crowded(before []byte) bool {
	n := 0
	for {
		at := Find(before)
		if at < 0 || n == 3 {
			return n == 3
		}
		n++
		before = before[at+bytes.IndexByte(before[at:], '=')+1:]
	}
}

// findWords looks for the first of the kernel's words, in a line that has lost its head.
func findWords(b []byte) (at int, ok bool) {
	for i := 0; ; {
		eq := bytes.IndexByte(b[i:], '=')
		if eq < 0 {
			return 0, false
		}
		i += eq
		if key := keyBefore(b, i); isWord(key) {
			return i - len(key), true
		}
		i++
	}
}

// prefixMayEndAt tells whether a rule's prefix can stand right before this word:
// of a line without IN=, text before any later word is the rest of a cut one.
func prefixMayEndAt(b []byte, i int) bool {
	for _, word := range []string{"IN=", "OUT=", "PHYSIN=", "PHYSOUT=", "MAC=", "MACSRC=", "SRC="} {
		if bytes.HasPrefix(b[i:], []byte(word)) {
			return true
		}
	}
	return false
}
