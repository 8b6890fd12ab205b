package envelope

import "time"

// hour remembers when the last hour of a stamp was: lines that follow each other
// are mostly of the same one.
type hour struct {
	key  uint32 // year, month, day and hour as told; 0: nothing yet
	with settings

	utc   int64 // seconds since 1970, had the stamp been of UTC
	local int64 // seconds since 1970, of Zone
}

// settings are what a time is read with, beside the stamp.
type settings struct {
	zone      *time.Location
	reference time.Time
}

func (r *Reader) settings() settings { return settings{r.Zone, r.Reference} }

// The years whose times fit into 64 bits of nanoseconds; older than 1970 no log is.
const firstYear, lastYear = 1970, 2261

// set turns a date into the head's wall time; false where there is no such date.
func (r *Reader) set(h *Head, c *civil) bool {
	if c.month < 1 || c.month > 12 || c.day < 1 || c.day > 31 || c.year != 0 && (c.year < firstYear || c.year > lastYear) {
		return false
	}
	key := uint32(c.year)<<16 | uint32(c.month)<<12 | uint32(c.day)<<6 | uint32(c.hour)<<1 | 1
	if r.hour.key != key || r.hour.with != r.settings() {
		if !r.remember(key, c) {
			return false
		}
	}
	h.Has = h.Has&^(HasYear|HasZone) | HasWall
	s := r.hour.local
	if c.zoned {
		s = r.hour.utc - c.offset
		h.Has |= HasZone
	}
	if c.year != 0 {
		h.Has |= HasYear
	}
	h.Unix = (s+c.second)*1e9 + c.ns
	return true
}

func (r *Reader) remember(key uint32, c *civil) bool {
	year := c.year
	if year == 0 {
		year = r.yearOf(c)
	}
	if c.day > daysIn(year, c.month) {
		return false
	}
	r.hour = hour{
		key: key, with: r.settings(),
		utc:   hourAt(year, c, time.UTC).Unix(),
		local: hourAt(year, c, r.zone()).Unix(),
	}
	return true
}

// yearOf is the latest year in which the stamp is at most a day after Reference.
func (r *Reader) yearOf(c *civil) int {
	limit := r.Reference.Add(24 * time.Hour)
	from := min(max(limit.In(r.zone()).Year(), firstYear), lastYear)
	for year := from; year >= max(firstYear, from-8); year-- {
		if c.day <= daysIn(year, c.month) && !hourAt(year, c, r.zone()).After(limit) {
			return year
		}
	}
	return from
}

func (r *Reader) zone() *time.Location {
	if r.Zone == nil {
		return time.UTC
	}
	return r.Zone
}

// hourAt is when the hour was; the first of the two where clocks were put back.
func hourAt(year int, c *civil, zone *time.Location) time.Time {
	t := time.Date(year, time.Month(c.month), c.day, c.hour, 0, 0, 0, zone)
	if before := t.Add(-time.Hour); before.Hour() == c.hour {
		return before
	}
	return t
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// named tells whether Zone itself is called so at that time. What other zones'
// abbreviations mean is not known: several share one.
func (r *Reader) named(unix int64, name []byte) bool {
	here, _ := time.Unix(0, unix).In(r.zone()).Zone()
	return here == string(name)
}
