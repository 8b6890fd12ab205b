package journey

import (
	"encoding/hex"
	"fmt"
)

// Hex is bytes, which JSON shows as hexadecimal digits.
type Hex []byte

// MarshalText implements encoding.TextMarshaler.
func (h Hex) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hex) UnmarshalText(text []byte) error {
	b, err := hex.AppendDecode((*h)[:0], text)
	if err != nil {
		return fmt.Errorf("bytes in hexadecimal: %w", err)
	}
	*h = b
	return nil
}

func knownHex(b []byte, name string, h Hex) []byte {
	if h == nil {
		return b
	}
	b = append(key(b, name), '"')
	return append(hex.AppendEncode(b, h), '"')
}
