package logentry_test

import (
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/logentry"
)

// full has everything, of which nothing is set.
func full() *event.LogLine {
	l := &event.LogLine{Clock: event.ClockWall, HasUptime: true, File: "f", Has: ^event.LineHas(0)}
	l.Headers.Has, l.Quoted.Has = ^event.HeaderHas(0), ^event.HeaderHas(0)
	return l
}

func shown(l *event.LogLine) string {
	var m logentry.Maker
	return string(m.Entry(when, l).AppendJSON(nil))
}

// change gives a field another value than it has in full.
func change(t *testing.T, v reflect.Value) {
	t.Helper()
	switch p := v.Addr().Interface().(type) {
	case *netip.Addr:
		*p = netip.MustParseAddr("10.1.0.2")
		return
	case *event.TraceLine:
		*p = event.TraceLine{Table: "raw", Chain: "PREROUTING", Type: event.LineRule, Number: 1}
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("other")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(v.Uint() ^ 2)
	case reflect.Int64:
		v.SetInt(int64(time.Second))
	case reflect.Slice:
		v.SetBytes([]byte("aa"))
	case reflect.Array:
		v.Index(0).SetUint(2)
	default:
		t.Fatalf("no other value for a %v", v.Type())
	}
}

// TestEveryFieldIsShown: no field of a line can change without a change in what
// is shown.
func TestEveryFieldIsShown(t *testing.T) {
	before := shown(full())
	each := func(name string, of func(*event.LogLine) reflect.Value, skip ...string) {
		for i := range of(full()).NumField() {
			field := of(full()).Type().Field(i).Name
			if slices.Contains(skip, field) {
				continue
			}
			l := full()
			change(t, of(l).Field(i))
			if shown(l) == before {
				t.Errorf("%s.%s is not shown", name, field)
			}
		}
	}
	line := func(l *event.LogLine) reflect.Value { return reflect.ValueOf(l).Elem() }
	each("LogLine", line, "Headers", "Quoted", "Form")
	each("Headers", func(l *event.LogLine) reflect.Value { return line(l).FieldByName("Headers") })
	each("Quoted", func(l *event.LogLine) reflect.Value { return line(l).FieldByName("Quoted") })
}

// TestAbsentIsAbsent: every bit of what is known decides about something shown.
func TestAbsentIsAbsent(t *testing.T) {
	before := shown(full())
	for bit := event.LineHas(1); bit < event.HasEbtables; bit <<= 1 {
		l := full()
		if bit == event.HasMAC {
			continue // without its text there is nothing to show
		}
		if l.Has &^= bit; shown(l) == before {
			t.Errorf("line without %#x is shown the same", bit)
		}
	}
	for bit := event.HeaderHas(1); bit <= event.HasARPAddrs; bit <<= 1 {
		l := full()
		l.Headers.Src, l.Headers.Dst = netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
		l.Headers.Gateway = l.Headers.Src
		l.Headers.Options, l.Headers.TCPOptions = []byte("aa"), []byte("bb")
		l.Headers.Has &^= event.HasARPAddrs
		if bit == event.HasARPAddrs {
			l.Headers.Has |= bit
		}
		with := shown(l)
		if l.Headers.Has &^= bit; shown(l) == with && bit != event.HasFragment {
			t.Errorf("headers without %#x are shown the same", bit)
		}
	}
}
