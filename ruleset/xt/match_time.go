package xt

import (
	"fmt"
	"time"

	"github.com/pktrail/pktrail/ruleset"
)

// MatchTime looks at the time of arrival (include/uapi/linux/netfilter/xt_time.h).
type MatchTime struct {
	From, To   uint32 // seconds since 1970; 0 for no start
	Day        Span   // seconds since midnight
	MonthDays  uint32 // bit n: the nth day
	Weekdays   uint8  // bits 1 to 7: Monday to Sunday
	KernelTZ   bool   // times are of the kernel's time zone, not UTC
	Contiguous bool   // a day's time goes on beyond midnight
}

func decodeTime(b info, _ Env) Match {
	return MatchTime{
		From: b.u32(0), To: b.u32(4), Day: b.span(8), MonthDays: b.u32(16), Weekdays: b.u8(20),
		KernelTZ: b.u8(21)&1 != 0, Contiguous: b.u8(21)&2 != 0,
	}
}

// Name is "time".
func (MatchTime) Name() string { return "time" }

// AppendSave implements [Match].
func (m MatchTime) AppendSave(dst []byte) []byte {
	if m.Day.Low != 0 || m.Day.High != 24*60*60-1 {
		dst = clock(option(dst, false, "timestart"), m.Day.Low)
		dst = clock(option(dst, false, "timestop"), m.Day.High)
	}
	if m.MonthDays != 0xfffffffe {
		dst = monthDays(append(option(dst, false, "monthdays"), ' '), m.MonthDays)
	}
	if m.Weekdays != 0xfe {
		dst = append(option(dst, false, "weekdays"), ' ')
		dst = bitWords(dst, uint32(m.Weekdays>>1), "Mon,Tue,Wed,Thu,Fri,Sat,Sun")
	}
	dst = date(dst, "datestart", m.From)
	dst = date(dst, "datestop", m.To)
	if m.KernelTZ {
		dst = option(dst, false, "kerneltz")
	}
	if m.Contiguous {
		dst = option(dst, false, "contiguous")
	}
	return dst
}

func clock(dst []byte, s uint32) []byte {
	return fmt.Appendf(dst, " %02d:%02d:%02d", s/60/60, s/60%60, s%60)
}

func monthDays(dst []byte, days uint32) []byte {
	var l list
	for day := range uint64(32) {
		if day > 0 && days>>day&1 != 0 {
			dst = appendDecimal(l.next(dst), day)
		}
	}
	return dst
}

func date(dst []byte, name string, s uint32) []byte {
	if s == 0 {
		return dst
	}
	return time.Unix(int64(s), 0).UTC().AppendFormat(append(option(dst, false, name), ' '), "2006-01-02T15:04:05")
}

// when: net/netfilter/xt_time.c: time_mt asks the clock.
func (MatchTime) when(asked) []ruleset.Condition {
	return untold("depends on the time")
}
