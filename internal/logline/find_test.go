package logline

import (
	"bytes"
	"testing"
)

func TestFind(t *testing.T) {
	for text, want := range map[string]int{
		"":                                -1,
		"a=b UID=0 TYPE=1 TIMEOUT=5 xOUT": -1,
		"=":                               -1,
		"OUT=":                            0,
		"x: IN= OUT=eth0":                 7,
		"8CODE=0TTL=5":                    7,
		"key=value SRC=192.0.2.7":         10,
		"RESOURCE=1 ID=2 PROTO=TCP":       16,
	} {
		if got := Find([]byte(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

// TestFindInLog: a line is found wherever it stands among others.
func TestFindInLog(t *testing.T) {
	log := ordinaryLog()[:1<<20]
	for at := 0; at < len(log)-1000; at += 99991 {
		end := at + bytes.IndexByte(log[at:], '\n') + 1
		with := append(append(append([]byte(nil), log[:end]...), logText+"\n"...), log[end:]...)
		if got := Find(with); got < end || got >= end+len(logText) {
			t.Fatalf("a line at %d is found at %d", end, got)
		}
	}
}

// TestFindAnywhere: what stands around a word does not hide it.
func TestFindAnywhere(t *testing.T) {
	noise := []byte("a=b A=b \xbd=\xff=\x00 ==Z= x=y k=v ")
	for n := range 300 {
		b := append(bytes.Repeat(noise, n/len(noise)+1)[:n], " DST=192.0.2.1 a=b"...)
		if got := Find(b); got != n+1 {
			t.Fatalf("behind %d bytes: found at %d", n, got)
		}
	}
}
