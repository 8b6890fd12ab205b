package envelope

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"
)

// entryWords is an entry in words.
func entryWords(e *Entry) string {
	var words []string
	if e.Has&HasWall != 0 {
		words = append(words, time.Unix(0, e.Unix).UTC().Format("2006-01-02T15:04:05.999999"))
	}
	if e.Has&HasUptime != 0 {
		words = append(words, "up "+time.Duration(e.Uptime).String())
	}
	if e.Has&HasPriority != 0 {
		words = append(words, fmt.Sprintf("<%d>", e.Priority))
	}
	if e.Has&HasHost != 0 {
		words = append(words, "host "+string(e.Host))
	}
	if e.Kernel {
		words = append(words, "kernel")
	}
	return strings.Join(append(words, string(e.Identifier), string(e.Message)), "|")
}

const kernelEntry = `{"__CURSOR":"s=1;i=2","__REALTIME_TIMESTAMP":"1763834401123456","_BOOT_ID":"b","PRIORITY":"4",` +
	`"SYSLOG_FACILITY":"0","_TRANSPORT":"kernel","SYSLOG_IDENTIFIER":"kernel","_HOSTNAME":"gw",` +
	`"_SOURCE_MONOTONIC_TIMESTAMP":"5374094","MESSAGE":"DROP IN=eth0 OUT="}`

func TestJSON(t *testing.T) {
	var j JSON
	for _, c := range []struct{ in, want string }{
		{kernelEntry, "2025-11-22T18:00:01.123456|up 5.374094s|<4>|host gw|kernel|kernel|DROP IN=eth0 OUT="},
		{`{}`, "|"},
		{` { } `, "|"},
		{`{"MESSAGE":"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud83dx"}`, "|a\"\\/\b\f\n\r\té😀\ufffdx"},
		{`{"MESSAGE":[68, 82,79,80,255]}`, "|DROP\xff"},
		{`{"MESSAGE":null}`, "|"},
		{`{"MESSAGE":["first","second"]}`, "|first"},
		{`{"MESSAGE":[[65,66],[67]]}`, "|AB"},
		{`{"MESSAGE":[]}`, "|"},
		{`{"MESSAGE":[1,{"a":[true,false,null,-1.5e+3,{}]},256]}`, "|"},
		{`{"MESSAGE":{"a":"b"},"X":[[],{},{"y":[1]}],"_HOSTNAME":"gw"}`, "host gw||"},
		{`{"PRIORITY":"6","SYSLOG_FACILITY":"3"}`, "<30>||"},
		{`{"SYSLOG_FACILITY":"3","PRIORITY":6}`, "<30>||"},
		{`{"PRIORITY":"9"}`, "|"},
		{`{"__REALTIME_TIMESTAMP":"2000000","_SOURCE_REALTIME_TIMESTAMP":"1000000"}`, "1970-01-01T00:00:01||"},
		{`{"_SOURCE_REALTIME_TIMESTAMP":"1000000","__REALTIME_TIMESTAMP":"2000000"}`, "1970-01-01T00:00:01||"},
		{`{"__REALTIME_TIMESTAMP":"99999999999999999999"}`, "|"},
		{`{"MESS\u0041GE":"x"}`, "|x"},
	} {
		var e Entry
		if err := j.Read([]byte(c.in), &e); err != nil {
			t.Errorf("%s: %v", c.in, err)
		} else if got := entryWords(&e); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.in, got, c.want)
		}
	}
}

func TestBadJSON(t *testing.T) {
	for in, want := range map[string]string{
		``:                   "byte 0: the object ends early",
		`[]`:                 "byte 0: no object begins here",
		`{"a"}`:              "byte 4: no colon stands behind a field's name",
		`{"a":1 "b":2}`:      "byte 7: no comma stands behind a field",
		`{"a":1,}`:           "byte 7: no string begins here",
		`{"MESSAGE":"x`:      "byte 13: the object ends early",
		`{"MESSAGE":"\x41"}`: "byte 12: an escape is none of JSON's",
		"{\"MESSAGE\":\"\t":  "byte 12: a control character stands in a string",
		`{"a":tru}`:          "byte 5: no value begins here",
		`{"a":-}`:            "byte 6: a number has no digits",
		`{"a":[1 2]}`:        "byte 8: no comma stands behind a value",
		`{"a":01}`:           "byte 6: no comma stands behind a field",
		`{} x`:               "byte 3: something stands behind the object",
		`{"a":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}`: "byte 69: values lie too deep in each other",
	} {
		var j JSON
		var e Entry
		var wrong *Error
		if err := j.Read([]byte(in), &e); !errors.As(err, &wrong) || err.Error() != want {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
}

// exportEntry is an entry in the export form; values with a newline are binary.
func exportEntry(fields ...string) string {
	var b strings.Builder
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		if !strings.Contains(value, "\n") && utf8.ValidString(value) {
			b.WriteString(f + "\n")
			continue
		}
		b.WriteString(name + "\n")
		b.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(value))))
		b.WriteString(value + "\n")
	}
	return b.String() + "\n"
}

// readAll reads a stream to its end: entries in words, and errors.
func readAll(r io.Reader, form Form) []string {
	s := NewEntries(r, form)
	var all []string
	var e Entry
	for {
		err := s.Next(&e)
		var wrong *Error
		switch {
		case err == nil:
			all = append(all, fmt.Sprintf("@%d %s", s.Offset(), entryWords(&e)))
		case errors.As(err, &wrong):
			all = append(all, "error "+err.Error())
		case errors.Is(err, io.EOF):
			return all
		default:
			return append(all, "end "+err.Error())
		}
	}
}

func TestEntries(t *testing.T) {
	two := exportEntry("__CURSOR=s=1", "__REALTIME_TIMESTAMP=1763834401123456", "_TRANSPORT=kernel", "MESSAGE=a\nb", "X=1\n2", "PRIORITY=4") +
		exportEntry("__CURSOR=s=2", "MESSAGE=DROP IN=")
	pretty := "{\n\t\"_HOSTNAME\" : \"gw\",\n\t\"MESSAGE\" : [\n\t\t65,\n\t\t66\n\t]\n}\n"
	for name, c := range map[string]struct {
		form Form
		in   string
		want []string
	}{
		"export":                {FormJournalExport, two, []string{"@0 2025-11-22T18:00:01.123456|<4>|kernel||a\nb", "@115 |DROP IN="}},
		"export without an end": {FormJournalExport, "\n\nMESSAGE=x", []string{"@2 |x"}},
		"export, bad line":      {FormJournalExport, "MESSAGE=x\nwhat is this\nB=1\n\nMESSAGE=y\n\n", []string{"error byte 10: no name of a field begins here", "@28 |y"}},
		"export, cut":           {FormJournalExport, "MESSAGE\n\x05\x00\x00\x00\x00\x00\x00\x00ab", []string{"error byte 16: the entry ends early"}},
		"export, huge":          {FormJournalExport, "X\n\xff\xff\xff\xff\xff\xff\xff\x7fab\n\nMESSAGE=y\n", []string{"error byte 0: a field says to be 9223372036854775807 bytes long", "@14 |y"}},
		"export, no newline":    {FormJournalExport, "MESSAGE\n\x01\x00\x00\x00\x00\x00\x00\x00ab\n\nMESSAGE=y\n", []string{"error byte 17: no newline stands behind a field", "@20 |y"}},
		"json":                  {FormJournalJSON, `{"MESSAGE":"x"}` + "\n" + `{"MESSAGE":"y"}`, []string{"@0 |x", "@16 |y"}},
		"json-pretty":           {FormJournalJSON, pretty + pretty, []string{"@0 host gw||AB", "@54 host gw||AB"}},
		"json-seq":              {FormJournalJSON, "\x1e{\"MESSAGE\":\"x\"}\n\x1e{\"MESSAGE\":\"y\"}\n", []string{"@1 |x", "@18 |y"}},
		"json-sse":              {FormJournalJSON, "data: {\"MESSAGE\":\"x\"}\n\ndata: {\"MESSAGE\":\"y\"}\n\n", []string{"@6 |x", "@29 |y"}},
		"json, cut":             {FormJournalJSON, `{"MESSAGE":"x` + "\n" + `{"MESSAGE":"y"}` + "\n" + `{"MESSAGE":`, []string{"error byte 13: the object ends early", "@14 |y", "error byte 41: the object ends early"}},
		"json, words between":   {FormJournalJSON, "-- No entries --\n{\"MESSAGE\":\"y\"}\n", []string{"error byte 0: no object begins here", "@17 |y"}},
	} {
		for how, r := range map[string]io.Reader{
			"whole": strings.NewReader(c.in), "in bytes": iotest.OneByteReader(strings.NewReader(c.in)),
		} {
			got := strings.Join(readAll(r, c.form), " ; ")
			if want := strings.Join(c.want, " ; "); got != want {
				t.Errorf("%s, %s:\n got %q\nwant %q", name, how, got, want)
			}
		}
	}
}

func TestEntriesAreBounded(t *testing.T) {
	big := strings.Repeat("x", largestEntry+100)
	for name, c := range map[string]struct {
		form Form
		in   string
	}{
		"line":   {FormJournalExport, "MESSAGE=" + big + "\n\n" + exportEntry("MESSAGE=y")},
		"binary": {FormJournalExport, exportEntry("MESSAGE=\n"+big) + exportEntry("MESSAGE=y")},
		"json":   {FormJournalJSON, `{"MESSAGE":"` + big + "\"}\n" + `{"MESSAGE":"y"}`},
		"pretty": {FormJournalJSON, "{\n\"X\":[\n" + strings.Repeat("1,\n", largestEntry/2) + "1]}\n" + `{"MESSAGE":"y"}`},
	} {
		got := readAll(strings.NewReader(c.in), c.form)
		if len(got) != 2 || !strings.HasSuffix(got[0], tooLarge) || !strings.HasSuffix(got[1], "|y") {
			t.Errorf("%s: %.300q", name, got)
		}
	}
	unwanted := exportEntry("X=\n"+big, "MESSAGE=y")
	if got := readAll(strings.NewReader(unwanted), FormJournalExport); len(got) != 1 || got[0] != "@0 |y" {
		t.Errorf("a large field that nobody wants: %.300q", got)
	}
	broken := iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(kernelEntry)))
	if got := readAll(broken, FormJournalJSON); len(got) != 1 || got[0] != "end timeout" {
		t.Errorf("a reader that fails: %q", got)
	}
}

func TestSniff(t *testing.T) {
	for head, want := range map[string]Form{
		"":                                  FormLines,
		"Mar 11 20:35:11 gw kernel: IN=":    FormLines,
		"[UFW BLOCK] IN=":                   FormLines,
		"{drop} IN=":                        FormLines,
		`{"log":"IN= OUT=lo\n","time":"x"}`: FormLines,
		`{"MESSAGE`:                         FormLines,
		"__X":                               FormLines,
		kernelEntry:                         FormJournalJSON,
		"{\n\t\"__CURSOR\" : \"s=1\"":       FormJournalJSON,
		"\x1e{\"__CURSOR\":\"s=1\"":         FormJournalJSON,
		"data: {\"__CURSOR\":\"s=1\"":       FormJournalJSON,
		"__CURSOR=s=1;i=2\n_BOOT_ID=b\n":    FormJournalExport,
		"\n__REALTIME_TIMESTAMP=1\nX=2\n":   FormJournalExport,
		"LPKSHHRH\x00\x00":                  FormJournalFile,
		"{\n   \"dmesg\": [\n      {\n":     FormDmesgJSON,
		"Sun 2026-11-22 18:00:01.123456 UTC [s=1;i=2]\n    _BOOT_ID=b\n":              FormJournalVerbose,
		"-- Logs begin at x\nSun 2026-11-22 18:00:01 UTC [s=1;i=2]\n    _BOOT_ID=b\n": FormJournalVerbose,
	} {
		if got := Sniff([]byte(head)); got != want {
			t.Errorf("%q: form %d, want %d", head, got, want)
		}
	}
}

func TestJSONAllocatesNothing(t *testing.T) {
	var j JSON
	var e Entry
	raw := []byte(kernelEntry)
	if n := testing.AllocsPerRun(100, func() { _ = j.Read(raw, &e) }); n != 0 {
		t.Errorf("%v allocations for an entry", n)
	}
}

// FuzzJSON holds the scanner to the standard library's: the same is JSON, and the
// same text comes out of it.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{kernelEntry, `{"MESSAGE":[1,2]}`, `{"a":{"b":[1.5e3,null]},"MESSAGE":"\ud83d\ude00"}`, `{"MESSAGE":"a","MESSAGE":null}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var j JSON
		var e Entry
		err := j.Read(in, &e)
		var theirs map[string]json.RawMessage
		their := json.Unmarshal(in, &theirs)
		var wrong *Error
		if errors.As(err, &wrong) {
			if wrong.Offset < 0 || wrong.Offset > int64(len(in)) {
				t.Fatalf("offset %d of %d", wrong.Offset, len(in))
			}
			if strings.Contains(wrong.Reason, "too deep") {
				return
			}
		}
		if (err == nil) != (their == nil && theirs != nil) {
			t.Fatalf("%q: %v, encoding/json says %v", in, err, their)
		}
		var text string
		if err == nil && strings.Count(string(in), "MESS") == 1 && utf8.Valid(in) && json.Unmarshal(theirs["MESSAGE"], &text) == nil && text != string(e.Message) {
			t.Fatalf("%q: message %q, encoding/json says %q", in, e.Message, text)
		}
	})
}

// FuzzEntries: whatever comes in, the end comes, and offsets lie within.
func FuzzEntries(f *testing.F) {
	f.Add([]byte(kernelEntry+"\n"+kernelEntry), true)
	f.Add([]byte(exportEntry("__CURSOR=s=1", "MESSAGE=a\nb", "X=1\n2")), false)
	f.Fuzz(func(t *testing.T, in []byte, object bool) {
		form := FormJournalExport
		if object {
			form = FormJournalJSON
		}
		s := NewEntries(strings.NewReader(string(in)), form)
		var e Entry
		for rounds := 0; ; rounds++ {
			err := s.Next(&e)
			if errors.Is(err, io.EOF) {
				return
			}
			if rounds > len(in) || s.Offset() < 0 || s.Offset() > int64(len(in)) {
				t.Fatalf("round %d, offset %d of %d", rounds, s.Offset(), len(in))
			}
		}
	})
}

func BenchmarkEntry(b *testing.B) {
	b.Run("json", func(b *testing.B) {
		var j JSON
		var e Entry
		raw := []byte(kernelEntry)
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			_ = j.Read(raw, &e)
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		raw := []byte(kernelEntry)
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			var m struct {
				Message   json.RawMessage `json:"MESSAGE"`
				Time      string          `json:"__REALTIME_TIMESTAMP"`
				Uptime    string          `json:"_SOURCE_MONOTONIC_TIMESTAMP"`
				Host      string          `json:"_HOSTNAME"`
				Priority  string          `json:"PRIORITY"`
				Transport string          `json:"_TRANSPORT"`
			}
			_ = json.Unmarshal(raw, &m)
		}
	})
}
