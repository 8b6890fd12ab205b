package envelope

import "math"

// This file reads what stamps are made of.

func blank(c byte) bool { return c == ' ' || c == '\t' }

func digit(c byte) bool { return c-'0' < 10 }

func upper(c byte) bool { return c-'A' < 26 }

func letter(c byte) bool { return c|0x20-'a' < 26 }

// at is the byte at i, and 0 behind the end.
func at(b []byte, i int) byte {
	if i < len(b) {
		return b[i]
	}
	return 0
}

func afterBlanks(b []byte, i int) int {
	for i < len(b) && blank(b[i]) {
		i++
	}
	return i
}

// afterBlank leaves out one blank: a second one is of the message.
func afterBlank(b []byte, i int) int {
	if i < len(b) && b[i] == ' ' {
		i++
	}
	return i
}

// wordEnd is where the word at i ends.
func wordEnd(b []byte, i int) int {
	for i < len(b) && !blank(b[i]) {
		i++
	}
	return i
}

// two reads two digits; -1 where there are none.
func two(b []byte, i int) int {
	if i+1 >= len(b) || !digit(b[i]) || !digit(b[i+1]) {
		return -1
	}
	return int(b[i]-'0')*10 + int(b[i+1]-'0')
}

// year4 reads the four digits of a year; -1 where there are none.
func year4(b []byte, i int) int {
	hi, lo := two(b, i), two(b, i+2)
	if hi < 0 || lo < 0 || digit(at(b, i+4)) {
		return -1
	}
	return hi*100 + lo
}

// number reads digits; n is how many, 0 where v would not fit.
func number(b []byte, i int) (v int64, n int) {
	for i+n < len(b) && digit(b[i+n]) {
		if v > (math.MaxInt64-9)/10 {
			return 0, 0
		}
		v = v*10 + int64(b[i+n]-'0')
		n++
	}
	return v, n
}

// fraction reads up to nine digits as nanoseconds, leaves out what follows them,
// and returns how many there were.
func fraction(b []byte, i int) (ns int64, n int) {
	for i+n < len(b) && digit(b[i+n]) {
		if n < 9 {
			ns = ns*10 + int64(b[i+n]-'0')
		}
		n++
	}
	for k := n; k < 9; k++ {
		ns *= 10
	}
	return ns, n
}

// seconds reads `12.345678` as nanoseconds; next is 0 where it is none. Fewer
// than three digits of fraction make no stamp: they stand in version numbers.
func seconds(b []byte, i int) (ns int64, next int) {
	whole, n := number(b, i)
	if n == 0 || whole > maxSeconds || at(b, i+n) != '.' {
		return 0, 0
	}
	frac, digits := fraction(b, i+n+1)
	if digits < 3 {
		return 0, 0
	}
	return whole*1e9 + frac, i + n + 1 + digits
}

// maxSeconds is the largest time that nanoseconds in 64 bits hold.
const maxSeconds = math.MaxInt64/1_000_000_000 - 1
