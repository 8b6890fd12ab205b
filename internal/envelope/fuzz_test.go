package envelope

import (
	"bytes"
	"testing"
	"time"
)

// FuzzRead: the head lies in its line, its host in the head, its times in what a
// log may tell; and a reader that has read another line before tells the same.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		"Mar 11 20:35:11 gw kernel: [463490.251824] IN=", "Feb  3 2024 20:11:12 gw user.info kernel: IN=", "2024 Feb  3 20:11:12 gw kernel: IN=",
		"фев 03 20:24:38 gw kernel: IN=", "11月 22 18:00:01 gw kernel: IN=", "févr. 14 01:02:03.004 gw kernel: IN=",
		"2015-03-07T05:09:30.045015+02:00 srv kernel: IN=", "2015-03-07 05:09:30,123 srv kernel: IN=", "Sun 2026-11-22 18:00:01 MSK gw kernel: IN=",
		"1763834401.123456 gw kernel: IN=", `<6>1 2026-11-22T10:00:00Z gw kernel 1 ID47 [a@1 x="]" y="\"]"][b] IN=`,
		"<4>[30530.374094] IN=", "kern  :warn  : [30530.374094] IN=", "[ 1234.567890 <    0.000005>] IN=", "[    5.374094][    T1] IN=",
		"[Fri Feb 14 08:46:46 2025] IN=", "[Feb15 06:36] IN=", "[  +4.552371] IN=", "4,1234,5678901,-;IN=",
		"2026-11-22T10:00:00.123456789Z stdout F [ 5.374094] IN=", "scan.log:17:Mar 17 13:39:13 gw kernel: IN=", "Thu Nov 21 10:00:00 2024 [1732201200.250] kern.warn kernel: IN=",
	} {
		f.Add([]byte(s), []byte("Mar 11 20:35:12 gw kernel: IN="))
	}
	f.Add([]byte("[FeB1000:00:00"), []byte("Mar 11 20:00:00 gw 0"))
	f.Add([]byte("Mar 11 20:00:00 gw "), []byte("Mar 11 20:00:00 gw 0"))
	f.Fuzz(func(t *testing.T, line, before []byte) {
		alone, after := reader(), reader()
		var h, again Head
		alone.Read(line, &h)
		if h.Len < 0 || h.Len > len(line) || h.Len == 0 && (h.Has != 0 || h.Host != nil) {
			t.Fatalf("%q: head %+v", line, h)
		}
		if h.Has&HasWall != 0 && (h.Unix < -24*3600e9 || time.Unix(0, h.Unix).UTC().Year() > lastYear+1) || h.Uptime < 0 {
			t.Fatalf("%q: head %+v", line, h)
		}
		if h.Has&HasHost != 0 && !bytes.Contains(line[:h.Len], h.Host) {
			t.Fatalf("%q: host %q", line, h.Host)
		}
		after.Read(before, &again)
		if after.Read(line, &again); bytes.ContainsAny(line, "+<") { // stamps that add to the line before
			return
		}
		if again.Unix != h.Unix || again.Uptime != h.Uptime || again.Has != h.Has || again.Len != h.Len || again.Priority != h.Priority || !bytes.Equal(again.Host, h.Host) {
			t.Fatalf("%q: %+v, and after %q %+v", line, h, before, again)
		}
	})
}

// FuzzKmsg: a record's text lies in it, and undoing escapes makes it no longer.
func FuzzKmsg(f *testing.F) {
	f.Add([]byte(`4,1234,5678901,-,caller=T17;IN=\x20\x5c`))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, ok := ParseKmsg(b)
		if ok && (k.Text < 6 || k.Text > len(b) || k.Uptime < 0) {
			t.Fatalf("%q: %+v", b, k)
		}
		if got := AppendText(nil, b[k.Text:]); len(got) > len(b) {
			t.Fatalf("%q became longer", b)
		}
	})
}

func TestAppendText(t *testing.T) {
	for in, want := range map[string]string{
		`IN=\x09\x5c\xc3\xA9`: "IN=\t\\é", `\x`: `\x`, `\x2`: `\x2`, `\xg0`: `\xg0`, ``: ``, `a\\`: `a\\`,
	} {
		if got := string(AppendText(nil, []byte(in))); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}
