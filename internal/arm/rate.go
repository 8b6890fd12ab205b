package arm

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Rate is so many packets in a second, minute, hour or day, and the Burst of
// packets that may come at once. The zero value is no limit.
type Rate struct {
	Packets uint64
	Per     time.Duration
	Burst   uint32
}

// DefaultBurst is iptables' --limit-burst.
const DefaultBurst = 5

// unit is a unit of time under its whole name, of which any beginning is taken.
type unit struct {
	name string
	of   time.Duration
}

func units() []unit {
	return []unit{{"second", time.Second}, {"minute", time.Minute}, {"hour", time.Hour}, {"day", 24 * time.Hour}}
}

// ParseRate reads a rate as iptables' --limit writes it: 500/minute, 10/s, 3/hour.
// A bare number is packets a second.
func ParseRate(text string) (Rate, error) {
	number, per, given := strings.Cut(text, "/")
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil || n == 0 {
		return Rate{}, fmt.Errorf("%q is not a number of packets in a time", text)
	}
	r := Rate{Packets: n, Per: time.Second, Burst: DefaultBurst}
	if !given {
		return r, nil
	}
	for _, u := range units() {
		if per != "" && strings.HasPrefix(u.name, strings.ToLower(per)) {
			r.Per = u.of
			return r, nil
		}
	}
	return Rate{}, fmt.Errorf("%q is not a unit of time", per)
}

// String is the rate in iptables' and nft's words.
func (r Rate) String() string {
	for _, u := range units() {
		if u.of == r.Per {
			return fmt.Sprintf("%d/%s", r.Packets, u.name)
		}
	}
	return "no limit"
}

// Share is the rate of each of n that keep to it together: rounded down, but
// at least one packet a day, and a burst of one.
func (r Rate) Share(n int) Rate {
	if n <= 1 || r == (Rate{}) {
		return r
	}
	all := units()
	for i := 0; i+1 < len(all) && r.Packets < uint64(n); i++ {
		if all[i].of == r.Per {
			r.Packets *= uint64(all[i+1].of / all[i].of)
			r.Per = all[i+1].of
		}
	}
	r.Packets = max(1, r.Packets/uint64(n))
	r.Burst = max(1, r.Burst/uint32(min(n, math.MaxInt32)))
	return r
}
