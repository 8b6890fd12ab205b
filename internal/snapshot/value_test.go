package snapshot

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/ruleset"
)

func TestValueJSON(t *testing.T) {
	for want, v := range map[string]Value[int]{
		`{"is":0}`: Known(0), `{"is":7}`: Known(7), `{"unknown":"no right"}`: Unknown[int]("no right"), `{"unknown":""}`: {},
	} {
		b, err := json.Marshal(v)
		if err != nil || string(b) != want {
			t.Errorf("%+v: %s, %v; want %s", v, b, err, want)
		}
		var back Value[int]
		if err := json.Unmarshal(b, &back); err != nil || back != v {
			t.Errorf("%s: %+v, %v", b, back, err)
		}
	}
}

// TestLoggingJSON: a bug report is a file.
func TestLoggingJSON(t *testing.T) {
	l := Logging{
		Netns:    Netns{Name: "host", Inode: 9, First: Known(true)},
		Families: []LogFamily{{Family: ruleset.IP, Active: Known("nf_log_ipv4"), Registered: Unknown[[]string]("no file")}},
		Rules: []LogRule{{
			Table: ruleset.TableKey{Backend: ruleset.Legacy, Family: ruleset.IP, Name: "raw"}, Dialect: ruleset.Iptables,
			Chain: "OUTPUT", Number: 2, Kind: LogToKernel, Level: 4, Packets: Known(uint64(0)), Called: Known(false),
		}},
		Groups:  Known(Groups{5: {Port: 7, Process: "ulogd (process 7)", Drops: 1}}),
		Rsyslog: Daemon{Running: Known(true), PID: 3, Config: Known([]ConfigLine{{File: "/etc/rsyslog.conf", Line: 1, Text: "kern.* /k"}})},
	}
	b, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	var back Logging
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(l, back); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, b)
	}
}
