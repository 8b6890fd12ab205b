package envelope

// This file reads stamps of days and hours.

// civil is a date and time as a stamp tells it.
type civil struct {
	year       int // 0: not told
	month, day int
	hour       int
	second     int64 // within the hour
	ns         int64
	zoned      bool
	offset     int64 // seconds east of UTC, where zoned
	digits     int   // of the fraction
	comma      bool  // stands before the fraction
	minute     int   // where the minutes stand in the line
	behind     int   // where the time ends, with its fraction
}

// syslogDate reads `Mar 11 20:35:11`, with a year before or behind the time where
// there is one. Blanks may be lost between day and time.
func syslogDate(b []byte, i int, c *civil) int {
	n := monthDay(b, i, c)
	if n == 0 {
		return 0
	}
	n = afterBlanks(b, n)
	if y := year4(b, n); y >= 0 && blank(at(b, n+4)) {
		c.year = y
		n = afterBlanks(b, n+4)
	}
	return timeOfDay(b, n, c)
}

// monthDay reads `Mar 11`, `Mar  1`, `Mar 1` and `Mar11`.
func monthDay(b []byte, i int, c *civil) int {
	n := 0
	if c.month, n = month(b, i); n == 0 {
		return 0
	}
	i = afterBlanks(b, i+n)
	if c.day = two(b, i); c.day >= 0 {
		return i + 2
	}
	if !digit(at(b, i)) {
		return 0
	}
	c.day = int(b[i] - '0')
	return i + 1
}

// isoDate reads `2026-11-22T10:00:00` with a blank for the T, slashes for the
// minus signs, fraction and zone.
func isoDate(b []byte, i int, c *civil) int {
	c.year = year4(b, i)
	sep := at(b, i+4)
	if c.year < 0 || sep != '-' && sep != '/' || at(b, i+7) != sep {
		return 0
	}
	c.month, c.day = two(b, i+5), two(b, i+8)
	if t := at(b, i+10); t != 'T' && t != ' ' && t != 't' {
		return 0
	}
	n := timeOfDay(b, i+11, c)
	if n == 0 {
		return 0
	}
	return zone(b, n, c)
}

// timeOfDay reads `20:35:11`, with a fraction where there is one.
func timeOfDay(b []byte, i int, c *civil) int {
	n := hourMinute(b, i, c)
	if n == 0 || at(b, n) != ':' {
		return 0
	}
	s := two(b, n+1)
	if s < 0 || s > 60 {
		return 0
	}
	c.second += int64(s)
	n += 3
	if sep := at(b, n); (sep == '.' || sep == ',') && digit(at(b, n+1)) {
		c.ns, c.digits = fraction(b, n+1)
		c.comma = sep == ','
		n += 1 + c.digits
	}
	c.behind = n
	return n
}

func hourMinute(b []byte, i int, c *civil) int {
	h, m := two(b, i), two(b, i+3)
	if h < 0 || h > 23 || m < 0 || m > 59 || b[i+2] != ':' {
		return 0
	}
	c.hour, c.second, c.minute = h, int64(m)*60, i+3
	return i + 5
}

// zone reads `Z`, `+02:00`, `+0200`, `+02`, and the last two behind a blank. The
// time may also end without one.
func zone(b []byte, i int, c *civil) int {
	if z := at(b, i); z == 'Z' || z == 'z' {
		c.zoned = true
		return i + 1
	}
	if n := offset(b, i, c); n > 0 {
		return n
	}
	if at(b, i) == ' ' {
		if n := offset(b, i+1, c); n > 0 && (n == len(b) || blank(b[n])) {
			return n
		}
	}
	return i
}

func offset(b []byte, i int, c *civil) int {
	sign := at(b, i)
	h := two(b, i+1)
	if sign != '+' && sign != '-' || h < 0 || h > 15 {
		return 0
	}
	n := i + 3
	if at(b, n) == ':' {
		n++
	}
	m := two(b, n)
	if m < 0 || m > 59 {
		m, n = 0, i+1
	}
	c.zoned = true
	c.offset = int64(h*3600 + m*60)
	if sign == '-' {
		c.offset = -c.offset
	}
	return n + 2
}

// weekday leaves out the name of a day in any language, and the blanks behind
// it. Words in capitals are none: they are of rules.
func weekday(b []byte, i int) int {
	n := wordEnd(b, i)
	if n == i || n-i > 20 || n == len(b) {
		return 0
	}
	small := false
	for _, c := range b[i:n] {
		if !letter(c) && c < 0x80 && c != '.' && c != ',' {
			return 0
		}
		small = small || !upper(c)
	}
	if !small || n-i > 4 && b[i] < 0x80 {
		return 0
	}
	return afterBlanks(b, n)
}
