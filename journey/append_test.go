package journey_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/journey"
)

// generic is what encoding/json makes of the field tags alone.
func generic(t testing.TB, j *journey.Journey) string {
	t.Helper()
	type fields journey.Journey
	out := fields(*j)
	out.Schema = journey.Schema
	if out.Steps == nil {
		out.Steps = []journey.Step{}
	}
	if out.Missing == nil {
		out.Missing = []string{}
	}
	if out.Links == nil {
		out.Links = []journey.Link{}
	}
	if out.Outcome.Because == nil {
		out.Outcome.Because = []int{}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out); err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// filler fills values of any type: all of their fields, or some.
type filler struct {
	rand  *rand.Rand
	word  string
	every bool
}

func (f *filler) skip() bool { return !f.every && f.rand.IntN(3) == 0 }

func (f *filler) fill(v reflect.Value, depth int) {
	if f.skip() {
		return
	}
	switch v.Interface().(type) {
	case netip.Addr:
		addrs := []string{"10.0.0.1", "fe80::1%" + "eth0", "::ffff:192.0.2.1", "fd00::", "0.0.0.0"}
		v.Set(reflect.ValueOf(netip.MustParseAddr(addrs[f.rand.IntN(len(addrs))])))
		return
	case journey.Time:
		v.Set(reflect.ValueOf(journey.Time{Time: time.Unix(f.rand.Int64N(1<<34), f.rand.Int64N(1e9))}))
		return
	}
	f.fillKind(v, depth)
}

func (f *filler) fillKind(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(f.word + string(rune('a'+f.rand.IntN(26))))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(f.rand.Uint64()>>f.rand.IntN(64) | 1)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(int64(f.rand.Uint64()>>f.rand.IntN(64)) | 1)
	case reflect.Pointer:
		if depth > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			f.fill(v.Elem(), depth-1)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), f.rand.IntN(3), 3))
		if f.every {
			v.SetLen(2)
		}
		f.fillEach(v.Len(), v.Index, depth)
	case reflect.Array:
		f.fillEach(v.Len(), v.Index, depth)
	case reflect.Struct:
		f.fillEach(v.NumField(), v.Field, depth)
	default:
		panic("the filler knows no " + v.Type().String())
	}
}

func (f *filler) fillEach(n int, at func(int) reflect.Value, depth int) {
	for i := range n {
		f.fill(at(i), depth)
	}
}

func filled(seed uint64, word string, every bool) *journey.Journey {
	f := &filler{rand: rand.New(rand.NewPCG(seed, 0)), word: word, every: every}
	j := new(journey.Journey)
	f.fill(reflect.ValueOf(j).Elem(), 4)
	return j
}

func compare(t *testing.T, j *journey.Journey) {
	t.Helper()
	want, got := generic(t, j), string(j.AppendJSON(nil))
	if got != want {
		t.Errorf("AppendJSON differs from encoding/json (-want +got):\n%s", cmp.Diff(want, got))
	}
	if b, err := json.Marshal(j); err != nil || !json.Valid(b) {
		t.Errorf("json.Marshal: %v", err)
	}
}

// TestAppendJSON: every field filled, so that none is forgotten; then some.
func TestAppendJSON(t *testing.T) {
	compare(t, &journey.Journey{})
	compare(t, forwarded())
	for seed := range uint64(20) {
		compare(t, filled(seed, "-j DROP", true))
	}
	for seed := range uint64(1000) {
		compare(t, filled(seed, "a<b>&\"\\\n\x00\x1f\x7f\u2028é\xff\b\f\r\t", false))
	}
}

func FuzzAppendJSON(f *testing.F) {
	f.Add(uint64(1), "tcp dport 80 accept")
	f.Add(uint64(2), "\"\\<&>\u2029\xc3\x28\xed\xa0\x80")
	f.Fuzz(func(t *testing.T, seed uint64, word string) { compare(t, filled(seed, word, false)) })
}

func TestAppendJSONAllocatesNothing(t *testing.T) {
	j, b := forwarded(), make([]byte, 0, 16<<10)
	if n := testing.AllocsPerRun(100, func() { b = j.AppendJSON(b[:0]) }); n != 0 {
		t.Errorf("AppendJSON allocates %v times", n)
	}
}

// stepped is a journey of n steps, as a packet in a large ruleset has them.
func stepped(n int) *journey.Journey {
	j := forwarded()
	for len(j.Steps) < n {
		j.Steps = append(j.Steps, j.Steps[0])
	}
	return j
}

func BenchmarkJSON(b *testing.B) {
	const steps = 12
	j := stepped(steps)
	perStep := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*steps), "ns/step")
	}
	b.Run("AppendJSON", func(b *testing.B) {
		line := make([]byte, 0, 64<<10)
		b.ReportAllocs()
		for b.Loop() {
			line = j.AppendJSON(line[:0])
		}
		perStep(b)
	})
	b.Run("encoding", func(b *testing.B) {
		type fields journey.Journey
		out := (*fields)(j)
		var line bytes.Buffer
		enc := json.NewEncoder(&line)
		enc.SetEscapeHTML(false)
		b.ReportAllocs()
		for b.Loop() {
			line.Reset()
			if err := enc.Encode(out); err != nil {
				b.Fatal(err)
			}
		}
		perStep(b)
	})
}
