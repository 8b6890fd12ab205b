package capture

import (
	"bytes"
	"maps"
	"slices"
)

// closing is what is told once, at the end, or only so often.
type closing struct {
	comments int64
	timeless int64            // packets without a time
	unknown  map[uint32]int64 // blocks of types that are not known here
	others   int64            // of even more types
}

const (
	mostComments = 16
	longComment  = 200
	mostTypes    = 16
)

type noter func(form string, args ...any)

// comment tells what somebody wrote to a packet.
func (c *closing) comment(note noter, offset int64, text []byte) {
	c.comments++
	if c.comments > mostComments {
		return
	}
	more := ""
	if len(text) > longComment {
		text, more = bytes.ToValidUTF8(text[:longComment], nil), " and more"
	}
	note("the packet at offset %d has the comment %q%s", offset, text, more)
}

func (c *closing) skip(typ uint32) {
	if c.unknown == nil {
		c.unknown = map[uint32]int64{}
	}
	if _, known := c.unknown[typ]; !known && len(c.unknown) >= mostTypes {
		c.others++
		return
	}
	c.unknown[typ]++
}

func (c *closing) tell(note noter) {
	if c.comments > mostComments {
		note("comments on more packets, not shown: %d", c.comments-mostComments)
	}
	if c.timeless > 0 {
		note("packets without a time: %d", c.timeless)
	}
	for _, typ := range slices.Sorted(maps.Keys(c.unknown)) {
		note("blocks of type 0x%08x, which is not known here: %d; a newer pktrail may tell more", typ, c.unknown[typ])
	}
	if c.others > 0 {
		note("blocks of yet other types: %d", c.others)
	}
}
