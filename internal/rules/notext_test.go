package rules

import (
	"strings"
	"testing"
)

func TestNoText(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "an empty file",
		" \n\r\n":                        "an empty file",
		"*filter\nCOMMIT\n\x00":          "zero bytes",
		"*\x00\x01":                      "zero bytes",
		"\xfd7zXZ\x00...":                "xz -dc",
		"BZh91AY":                        "bzip2 -dc",
		"\x28\xb5\x2f\xfd\x04":           "zstd -dc",
		"\xff\xfe*\x00f\x00":             "UTF-16",
		"*filter\n:INPUT ACCEPT\nCOMMIT": "",
		"table ip a {\n}":                "",
	} {
		var h Host
		err := h.AddFile("f", strings.NewReader(text))
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v, want %q", text, err, want)
		case want != "" && len(h.Legacy) > 0:
			t.Errorf("%q: tables all the same", text)
		}
	}
}
