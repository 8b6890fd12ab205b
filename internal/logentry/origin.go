package logentry

import "github.com/pktrail/pktrail/journey"

func originOf(prefix string) *journey.Origin { return nil }
