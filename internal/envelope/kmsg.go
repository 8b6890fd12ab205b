package envelope

import "math"

// Kmsg is the head of a record as /dev/kmsg gives it (kernel/printk/printk.c:
// info_print_ext_header, Documentation/ABI/testing/dev-kmsg).
type Kmsg struct {
	Priority uint32 // eight times the facility, plus the severity
	Sequence uint64 // of the record, from the kernel's start on
	Uptime   int64  // nanoseconds of the printk clock
	Text     int    // where the text begins
}

// ParseKmsg reads the head of a record, `4,1234,5678901,-;text`; false where it
// is none.
func ParseKmsg(b []byte) (Kmsg, bool) {
	k, n := kmsgHead(b, 0)
	return k, n > 0
}

func kmsgHead(b []byte, i int) (k Kmsg, next int) {
	var field [3]int64
	for f := range field {
		v, n := number(b, i)
		if n == 0 || at(b, i+n) != ',' {
			return Kmsg{}, 0
		}
		field[f] = v
		i += n + 1
	}
	if field[0] > math.MaxUint32 || field[2] > math.MaxInt64/1000 {
		return Kmsg{}, 0
	}
	for i < len(b) && b[i] != ';' && !blank(b[i]) {
		i++
	}
	if at(b, i) != ';' {
		return Kmsg{}, 0
	}
	return Kmsg{Priority: uint32(field[0]), Sequence: uint64(field[1]), Uptime: field[2] * 1000, Text: i + 1}, i + 1
}

// kmsg reads a record that somebody saved as a line. Its escapes stay: see AppendText.
func (p *parse) kmsg(i int) int {
	k, n := kmsgHead(p.b, i)
	if n == 0 {
		return 0
	}
	if k.Priority <= math.MaxUint8 {
		p.h.Priority = uint8(k.Priority)
		p.h.Has |= HasPriority
	}
	p.h.Uptime = k.Uptime
	p.h.Has |= HasUptime
	return n
}

// AppendText appends the text of a record to dst with its escapes undone: the
// kernel writes bytes that are not printable ASCII, and the backslash, as `\x20`
// (kernel/printk/printk.c: msg_add_ext_text).
func AppendText(dst, text []byte) []byte {
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+3 < len(text) && text[i+1] == 'x' {
			if hi, lo := hex(text[i+2]), hex(text[i+3]); hi >= 0 && lo >= 0 {
				dst = append(dst, byte(hi<<4|lo))
				i += 3
				continue
			}
		}
		dst = append(dst, text[i])
	}
	return dst
}

// hex is the value of a hexadecimal digit, and -1 for other bytes.
func hex(c byte) int {
	switch {
	case digit(c):
		return int(c - '0')
	case c|0x20-'a' < 6:
		return int(c|0x20-'a') + 10
	}
	return -1
}
