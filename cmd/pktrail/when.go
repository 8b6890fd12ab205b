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
	now := w.now()
	w.text = text
	if d, err := time.ParseDuration(strings.TrimSuffix(strings.TrimPrefix(text, "-"), " ago")); err == nil {
		w.Time = now.Add(-d)
		return nil
	}
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	switch text {
	case "now":
		w.Time = now
		return nil
	case "today":
		w.Time = midnight
		return nil
	case "yesterday":
		w.Time = midnight.AddDate(0, 0, -1)
		return nil
	}
	for _, layout := range []string{"15:04", "15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			w.Time = midnight.Add(time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second)
			return nil
		}
	}
	for _, layout := range stampLayouts {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			w.Time = t
			return nil
		}
	}
	return errors.New(`no time: "2026-11-22 18:00", 18:00, yesterday, or how long ago: 10m, 2h`)
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
