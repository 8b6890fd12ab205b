package main

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// when is a flag that takes a time: a stamp, a time of today, or how long ago.
type when struct {
	time.Time
	text string
	now  func() time.Time
}

func (w *when) String() string { return w.text }

// Type implements pflag.Value.
func (w *when) Type() string { return "time" }

var stampLayouts = []string{
	time.RFC3339Nano, "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02",
}

// Set implements pflag.Value.
func (w *when) Set(text string) error {
	t, err := parseWhen(text, w.now())
	if err != nil {
		return err
	}
	w.text, w.Time = text, t
	return nil
}

// in takes what names no zone for a time of that one.
func (w *when) in(zone *time.Location) {
	if w.text == "" {
		return
	}
	if t, err := parseWhen(w.text, w.now().In(zone)); err == nil {
		w.Time = t
	}
}

// parseWhen reads a time; what it does not tell, now does.
func parseWhen(text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(strings.TrimSuffix(strings.TrimPrefix(text, "-"), " ago")); err == nil {
		return now.Add(-d), nil
	}
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	switch text {
	case "now":
		return now, nil
	case "today":
		return midnight, nil
	case "yesterday":
		return midnight.AddDate(0, 0, -1), nil
	}
	for _, layout := range []string{"15:04", "15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), t.Second(), 0, now.Location()), nil
		}
	}
	for _, layout := range stampLayouts {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New(`no time: "2026-11-22 18:00", 18:00, yesterday, or how long ago: 10m, 2h`)
}

// zone is a flag that takes the name of a time zone.
type zone struct{ *time.Location }

func (z *zone) String() string {
	if z.Location == nil {
		return ""
	}
	return z.Location.String()
}

// Type implements pflag.Value.
func (z *zone) Type() string { return "zone" }

// Set implements pflag.Value.
func (z *zone) Set(name string) (err error) {
	switch name {
	case "local":
		z.Location = time.Local
		return nil
	case "utc":
		name = "UTC"
	}
	if t, err := time.Parse("-07:00", name); err == nil {
		z.Location = t.Location()
		return nil
	}
	if z.Location, err = time.LoadLocation(name); err != nil {
		return fmt.Errorf("no such time zone here: UTC, local, +02:00, or a name such as Europe/Berlin where the machine has the zone files")
	}
	return nil
}
