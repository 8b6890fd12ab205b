package envelope

// again is the head of the last line that had a wall time and an origin. Mostly
// the next line's differs from it in minutes, seconds and fraction alone, and
// then nothing else of it has to be read.
type again struct {
	text   [128]byte // up to where the kernel's own stamp may follow
	end    int       // of it; 0: there is no head to compare with
	minute int       // where the minutes begin
	behind int       // where the time, with its fraction, ends
	digits int       // of the fraction
	host   int       // where the host begins
	length int       // of the host
	base   int64     // wall time at minute 0, in nanoseconds
	head   Head
	with   settings
}

// learn keeps the head that ends at end.
func (a *again) learn(p *parse, end int) {
	a.end = 0
	c := &p.time
	if c.minute == 0 || end > len(a.text) || string(p.b[end-2:end]) != ": " {
		return // without a tag, what follows decides where the head ends
	}
	a.end = copy(a.text[:], p.b[:end])
	a.minute, a.behind, a.digits = c.minute, c.behind, c.digits
	a.host, a.length = p.host, len(p.h.Host)
	a.base = p.h.Unix - c.second*1e9 - c.ns
	a.head, a.with = *p.h, p.r.settings()
	a.head.Host = nil
}

// read reads a head that is like the last one; 0 where it is not.
func (a *again) read(p *parse) int {
	if a.end == 0 || len(p.b) < a.end || string(p.b[:a.minute]) != string(a.text[:a.minute]) ||
		string(p.b[a.behind:a.end]) != string(a.text[a.behind:a.end]) || a.with != p.r.settings() {
		return 0
	}
	m, s := two(p.b, a.minute), two(p.b, a.minute+3)
	if m < 0 || m > 59 || s < 0 || s > 60 || p.b[a.minute+2] != ':' {
		return 0
	}
	var ns int64
	if a.digits > 0 {
		var n int
		if ns, n = fraction(p.b, a.minute+6); n != a.digits || p.b[a.minute+5] != a.text[a.minute+5] {
			return 0
		}
	}
	*p.h = a.head
	p.h.Unix = a.base + int64(m*60+s)*1e9 + ns
	if a.head.Has&HasHost != 0 {
		p.h.Host = p.b[a.host : a.host+a.length : a.host+a.length]
	}
	return a.end
}
