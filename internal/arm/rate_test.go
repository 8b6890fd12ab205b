package arm

import (
	"testing"
	"time"
)

func TestParseRate(t *testing.T) {
	for text, want := range map[string]Rate{
		"500/minute": {500, time.Minute, DefaultBurst}, "500/min": {500, time.Minute, DefaultBurst}, "500/m": {500, time.Minute, DefaultBurst},
		"10/s": {10, time.Second, DefaultBurst}, "10/SEC": {10, time.Second, DefaultBurst}, "10": {10, time.Second, DefaultBurst},
		"3/hour": {3, time.Hour, DefaultBurst}, "1/d": {1, 24 * time.Hour, DefaultBurst},
	} {
		got, err := ParseRate(text)
		if err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", text, got, err, want)
		}
		if again, err := ParseRate(got.String()); err != nil || again != got {
			t.Errorf("%s: %s is read as %v, %v", text, got, again, err)
		}
	}
	for _, text := range []string{"", "0", "0/s", "-1/s", "1/", "1/fortnight", "x/s", "1/s/s", "99999999999/s", "1.5/s"} {
		if got, err := ParseRate(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

// TestShare: all shares together never exceed the whole, down to one a day.
func TestShare(t *testing.T) {
	day := 24 * time.Hour
	for _, c := range []struct {
		whole Rate
		n     int
		want  Rate
	}{
		{Rate{100, time.Second, 100}, 1, Rate{100, time.Second, 100}},
		{Rate{100, time.Second, 100}, 3, Rate{33, time.Second, 33}},
		{Rate{500, time.Minute, 5}, 6, Rate{83, time.Minute, 1}},
		{Rate{1, time.Second, 5}, 2, Rate{30, time.Minute, 2}},
		{Rate{1, time.Minute, 5}, 100, Rate{14, day, 1}},
		{Rate{1, day, 1}, 2, Rate{1, day, 1}},
		{Rate{}, 7, Rate{}},
	} {
		if got := c.whole.Share(c.n); got != c.want {
			t.Errorf("%v shared by %d: %+v, want %+v", c.whole, c.n, got, c.want)
		}
	}
}
