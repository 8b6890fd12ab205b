package journey

import (
	"fmt"
	"time"
)

const timeLayout = "2006-01-02T15:04:05.000000000Z"

// Time is a time of day that JSON shows as RFC 3339 with nine digits, in UTC.
type Time struct{ time.Time }

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) {
	return t.append(make([]byte, 0, len(timeLayout)+2)), nil
}

// UnmarshalJSON implements json.Unmarshaler. It takes any RFC 3339 time and
// turns it to UTC.
func (t *Time) UnmarshalJSON(text []byte) error {
	if err := t.Time.UnmarshalJSON(text); err != nil {
		return fmt.Errorf("time: %w", err)
	}
	t.Time = t.UTC()
	return nil
}
