package main

import (
	"testing"
	"time"
	_ "time/tzdata" // the machine may have no zone files
)

// TestWhenIsOfTheClockOnTheWall: on 29 March 2026 clocks in this zone go from 2 to 3.
func TestWhenIsOfTheClockOnTheWall(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 29, 20, 0, 0, 0, berlin)
	tests := map[string]time.Time{
		"18:00":                time.Date(2026, 3, 29, 16, 0, 0, 0, time.UTC),
		"01:30:15":             time.Date(2026, 3, 29, 0, 30, 15, 0, time.UTC),
		"today":                time.Date(2026, 3, 28, 23, 0, 0, 0, time.UTC),
		"yesterday":            time.Date(2026, 3, 27, 23, 0, 0, 0, time.UTC),
		"now":                  now,
		"10m":                  now.Add(-10 * time.Minute),
		"2h ago":               now.Add(-2 * time.Hour),
		"2026-03-29 18:00":     time.Date(2026, 3, 29, 16, 0, 0, 0, time.UTC),
		"2024-02-29T10:00:00":  time.Date(2024, 2, 29, 9, 0, 0, 0, time.UTC),
		"2026-03-29T18:00:00Z": time.Date(2026, 3, 29, 18, 0, 0, 0, time.UTC),
	}
	for text, want := range tests {
		w := when{now: func() time.Time { return now }}
		if err := w.Set(text); err != nil || !w.Equal(want) {
			t.Errorf("%q: %v %v, want %v", text, w.Time.UTC(), err, want.UTC())
		}
	}
	w := when{now: func() time.Time { return now }}
	for _, text := range []string{"", "25:00", "2025-02-29", "soon"} {
		if err := w.Set(text); err == nil {
			t.Errorf("%q was taken for %v", text, w.Time)
		}
	}
}

func TestWhenInAnotherZone(t *testing.T) {
	now := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	w := when{now: func() time.Time { return now }}
	east := time.FixedZone("", 9*3600)
	if w.in(east); !w.IsZero() {
		t.Errorf("a time that was not given is %v", w.Time)
	}
	for text, want := range map[string]time.Time{
		"18:00":                time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), // it is the 23rd there
		"2026-11-22 18:00":     time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC),
		"2026-11-22T18:00:00Z": time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC),
		"1h":                   now.Add(-time.Hour),
	} {
		if err := w.Set(text); err != nil {
			t.Fatal(err)
		}
		if w.in(east); !w.Equal(want) {
			t.Errorf("%q there: %v, want %v", text, w.Time.UTC(), want)
		}
	}
}
