package rules

import "bytes"

// noText says why what a file holds cannot be rules; empty where it may be.
func noText(b []byte) string {
	for _, f := range []struct{ begin, why string }{
		{"\xfd7zXZ\x00", "compressed with xz: xz -dc gives it plain"},
		{"BZh", "compressed with bzip2: bzip2 -dc gives it plain"},
		{"\x28\xb5\x2f\xfd", "compressed with zstd: zstd -dc gives it plain"},
		{"\xff\xfe", "text in UTF-16: iconv -f UTF-16 -t UTF-8 makes it readable"},
		{"\xfe\xff", "text in UTF-16: iconv -f UTF-16 -t UTF-8 makes it readable"},
	} {
		if bytes.HasPrefix(b, []byte(f.begin)) {
			return f.why
		}
	}
	switch {
	case len(bytes.TrimSpace(b)) == 0:
		return "an empty file"
	case bytes.IndexByte(b, 0) >= 0:
		return "no text: there are zero bytes in it"
	}
	return ""
}
