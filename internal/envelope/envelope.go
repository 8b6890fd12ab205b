// Package envelope reads what stands around the kernel's text in a log: stamps,
// priorities, hosts and tags at the head of a line, and the records of systemd's
// journal. It does not know what the text means, has no clock and no input of
// its own, and allocates nothing for a line.
//
// A head is any of these, in this order, blanks before it left out:
//
//   - a priority: `<4>`, or the words of `dmesg -x`, `kern  :warn  : `
//   - a stamp: that of RFC 3164 in many languages, with or without a year and a
//     weekday; ISO 8601 and RFC 3339; seconds since 1970 as `journalctl -o
//     short-unix` prints them; the kernel's uptime in brackets; all forms of
//     dmesg; a whole head of RFC 5424 or of a /dev/kmsg record
//   - the words of a container runtime, `stdout F `, and then a head of its own
//   - a host, `facility.severity` and a tag such as `kernel:`
//   - the kernel's uptime in brackets, and who printed (`[T1234]`)
//
// # The host
//
// The word before a tag is the host, whatever it looks like. Tags are `kernel:`
// and, behind stamps of syslog, every `name[number]:`. Where no tag follows, the first word behind a stamp
// of RFC 3164 or RFC 3339 is the host as these formats want it, unless it can
// hardly be one: it ends in a colon, has other characters than names or addresses
// have, or is in capitals altogether (`DROP IN=`). Behind other stamps
// there is no host without a tag: dmesg and container runtimes write none. So
// that no part of a rule's prefix is lost, brackets that hold anything but a
// stamp belong to the message.
package envelope

import "time"

// Has says which fields of a Head are there.
type Has uint8

// The fields of a Head that may be absent.
const (
	HasWall     Has = 1 << iota // Unix
	HasUptime                   // Uptime
	HasPriority                 // Priority
	HasHost                     // Host
	HasYear                     // the stamp tells the year; where it does not, Reference chose it
	HasZone                     // the stamp tells the zone; where it does not, it is Zone
)

// Head is what stands before the kernel's text.
type Head struct {
	Unix     int64  // wall time, nanoseconds since 1970-01-01 UTC
	Uptime   int64  // nanoseconds of the kernel's printk clock
	Host     []byte // points into the line
	Len      int    // where the message begins; 0: the line has no head
	Has      Has
	Priority uint8 // of syslog: eight times the facility, plus the severity
}

// Reader reads heads. It remembers the last stamp, to which relative ones are
// added, so every line of such a log must be read; it is not for concurrent use.
type Reader struct {
	// Reference is the newest time that the log can be from. A stamp without a
	// year is of the latest year in which it is not more than a day after it.
	Reference time.Time
	// Zone is that of stamps without one; nil is UTC. Of two equal times, where
	// clocks are put back, the first is taken.
	Zone *time.Location
	// Boot is when the kernel's uptime was 0; zero where that is not known. Where
	// a line tells the uptime alone, its wall time is reckoned from it, and has
	// neither HasYear nor HasZone.
	Boot time.Time

	hour  hour
	again again
	last  moment
}

// moment is the last absolute stamp, and what was added to it since.
type moment struct {
	unix, uptime int64
	has          Has
}

// Read fills h with the head of a line; the line ends before its newline.
func (r *Reader) Read(line []byte, h *Head) {
	*h = Head{}
	p := parse{r: r, h: h, b: line}
	i := r.again.read(&p)
	if i > 0 {
		i = p.uptimeAfter(i)
	} else if i = p.start(afterBlanks(line, 0)); i == 0 {
		*h = Head{}
		return
	}
	h.Len = i
	if has := h.Has & (HasWall | HasUptime | HasYear | HasZone); has != 0 {
		r.last = moment{unix: h.Unix, uptime: h.Uptime, has: has}
	}
	if h.Has&(HasWall|HasUptime) == HasUptime && !r.Boot.IsZero() && h.Uptime < leastUnix {
		h.Unix = r.Boot.UnixNano() + h.Uptime
		h.Has |= HasWall
	}
}

// parse is the reading of one line. Its methods take the offset where they
// begin, and return the one behind what they have read, or 0 where it is not
// what they read.
type parse struct {
	r *Reader
	h *Head
	b []byte

	time civil // as the wall time was told, for the line after this; minute is 0 where it cannot serve there
	host int   // where the host begins
}

// follow is what a stamp lets follow.
type follow uint8

const (
	nothing      follow = iota // a head is complete with it
	tagged                     // a host with a tag
	host                       // a host
	wrapped                    // a container runtime's words, or a host with a tag
	mustBeTagged               // it is no stamp unless a tag follows
)

// start reads a whole head.
func (p *parse) start(i int) int {
	if n := p.priority(i); n > 0 {
		if done := p.rfc5424(n); done > 0 {
			return p.uptimeAfter(done)
		}
		return max(n, p.stamped(n))
	}
	if n := p.words(i); n > 0 {
		return max(n, p.stamped(n))
	}
	if n := p.stamped(i); n > 0 {
		return n
	}
	if n := fileName(p.b, i); n > 0 {
		return p.stamped(n)
	}
	return 0
}

// stamped reads a stamp and what belongs to it.
func (p *parse) stamped(i int) int {
	n, next := p.stamp(i)
	if n == 0 {
		if n = kernelTag(p.b, i); n == 0 {
			return 0
		}
		return p.uptimeAfter(n)
	}
	switch next {
	case nothing:
		return n
	case wrapped:
		if in := streamWords(p.b, n); in > 0 {
			return max(in, p.stamped(in))
		}
		next = tagged
	}
	if p.h.Has&HasUptime == 0 {
		n = max(n, p.uptime(afterBlanks(p.b, n)))
	}
	if behind := p.origin(afterBlanks(p.b, n), next); behind > 0 {
		p.r.again.learn(p, behind)
		return p.uptimeAfter(behind)
	}
	if next == mustBeTagged {
		*p.h = Head{Has: p.h.Has & HasPriority, Priority: p.h.Priority}
		return 0
	}
	if !blank(p.b[n-1]) {
		n = afterBlank(p.b, n)
	}
	return n
}
