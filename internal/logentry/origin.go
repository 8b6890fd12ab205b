package logentry

import (
	"strings"

	"github.com/pktrail/pktrail/internal/logline"
	"github.com/pktrail/pktrail/journey"
)

// Prefixes that are remembered: more than a ruleset has, and no longer than a
// rule's may be (NF_LOG_PREFIXLEN in include/uapi/linux/netfilter/nf_log.h).
const mostPrefixes, longestPrefix = 4096, 128

// origin is that of a prefix, remembered.
func (m *Maker) origin(prefix string) *journey.Origin {
	if o, ok := m.origins[prefix]; ok {
		return o
	}
	o := originOf(prefix)
	if len(prefix) > longestPrefix {
		return o
	}
	if m.origins == nil || len(m.origins) >= mostPrefixes {
		m.origins = map[string]*journey.Origin{}
	}
	m.origins[strings.Clone(prefix)] = o
	return o
}

func originOf(prefix string) *journey.Origin {
	o, ok := logline.OriginOf(prefix)
	if !ok {
		return nil
	}
	return &journey.Origin{Tool: o.Tool, Chain: o.Chain, Action: o.Action}
}
