package journey

import (
	"fmt"
	"net"
	"strconv"
	"time"
)

// Bytes is text as it stands in a log, which JSON shows as a string, with U+FFFD
// for what is not UTF-8.
type Bytes []byte

// MarshalText implements encoding.TextMarshaler.
func (b Bytes) MarshalText() ([]byte, error) { return b, nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *Bytes) UnmarshalText(text []byte) error {
	*b = append((*b)[:0], text...)
	return nil
}

// Ether is an address of Ethernet.
type Ether [6]byte

// String is the six bytes in hexadecimal with colons.
func (e Ether) String() string { return string(e.append(make([]byte, 0, 17))) }

// MarshalText implements encoding.TextMarshaler.
func (e Ether) MarshalText() ([]byte, error) { return e.append(nil), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *Ether) UnmarshalText(text []byte) error {
	mac, err := net.ParseMAC(string(text))
	if err != nil || len(mac) != len(e) {
		return fmt.Errorf("ethernet address %q: not six bytes in hexadecimal", text)
	}
	*e = Ether(mac)
	return nil
}

func (e Ether) append(b []byte) []byte {
	for i, x := range e {
		if i > 0 {
			b = append(b, ':')
		}
		b = append(b, hexDigits[x>>4], hexDigits[x&0xf])
	}
	return b
}

// EtherType is the number of a protocol above Ethernet, which JSON shows as
// "0x86dd".
type EtherType uint16

// MarshalText implements encoding.TextMarshaler.
func (t EtherType) MarshalText() ([]byte, error) { return t.append(nil), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *EtherType) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 0, 16)
	if err != nil {
		return fmt.Errorf("ethertype: %w", err)
	}
	*t = EtherType(n)
	return nil
}

func (t EtherType) append(b []byte) []byte {
	return append(b, '0', 'x', hexDigits[t>>12], hexDigits[t>>8&0xf], hexDigits[t>>4&0xf], hexDigits[t&0xf])
}

// Uptime is a time since the host's start, which JSON shows as seconds with six
// decimals, as the kernel's log does.
type Uptime time.Duration

// MarshalJSON implements json.Marshaler.
func (u Uptime) MarshalJSON() ([]byte, error) { return u.Append(nil), nil }

// UnmarshalJSON implements json.Unmarshaler.
func (u *Uptime) UnmarshalJSON(text []byte) error {
	d, err := time.ParseDuration(string(text) + "s")
	if err != nil {
		return fmt.Errorf("uptime %s: not a number of seconds", text)
	}
	*u = Uptime(d)
	return nil
}

// Append appends the seconds with six decimals; what is less is cut off.
func (u Uptime) Append(b []byte) []byte {
	us := int64(u) / int64(time.Microsecond)
	if us < 0 {
		b = append(b, '-')
		us = -us
	}
	b = strconv.AppendInt(b, us/1e6, 10)
	return digits(append(b, '.'), int(us%1e6), 100_000)
}
