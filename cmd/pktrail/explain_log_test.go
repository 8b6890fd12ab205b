package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/internal/collect"
	"github.com/pktrail/pktrail/internal/doctor"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/packet"
)

// explained runs the explanation for a namespace and returns its findings by id,
// and the report that stands last.
func explained(t *testing.T, netns string) (map[string]doctor.Finding, doctor.LoggingReport) {
	t.Helper()
	var out bytes.Buffer
	cmd := &cobra.Command{}
	cmd.SetOut(&out)
	cmd.SetContext(t.Context())
	err := explainLogging(cmd, []string{netns}, &output{format: "json"})
	findings := map[string]doctor.Finding{}
	var report doctor.LoggingReport
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, `"schema":"`+doctor.LoggingSchema) {
			if err := json.Unmarshal([]byte(line), &report); err != nil {
				t.Fatal(err)
			}
			continue
		}
		var f doctor.Finding
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatal(err)
		}
		findings[f.ID] = f
	}
	if report.Schema == "" || report.Trouble != errors.Is(err, errTrouble) || err != nil && !errors.Is(err, errTrouble) {
		t.Fatalf("error %v after %+v\n%s", err, report, out.String())
	}
	return findings, report
}

// TestExplainLogging breaks the logging of a namespace in the ways that people meet,
// each for real, and looks for its finding.
func TestExplainLogging(t *testing.T) {
	lab.Need(t, lab.Legacy)
	l := lab.New(t, "router", lab.Options{Persistent: true, Prefix: "gexp"})
	name := l.Name("rt")
	has := func(id string, severity doctor.Severity) doctor.Finding {
		t.Helper()
		found, _ := explained(t, name)
		f, ok := found[id]
		if !ok || f.Severity != severity {
			t.Fatalf("want %s %s, got %+v", severity, id, found)
		}
		return f
	}
	f := has("log-no-rule", doctor.High)
	if !strings.Contains(f.Fix[0], "--netns "+name) {
		t.Errorf("fix %q", f.Fix)
	}
	rules := "*raw\n-A PREROUTING -p icmp -j LOG --log-prefix \"gexp \"\n-A PREROUTING -p icmp -j TRACE\nCOMMIT\n"
	if err := l.Load(t.Context(), "rt", lab.Ruleset{World: lab.Legacy, Family: packet.IPv4, Text: rules}); err != nil {
		t.Fatal(err)
	}
	has("log-rule-not-hit", doctor.High)
	if _, err := l.Exec(t.Context(), "client", "ping", "-c", "1", "-W", "2", "10.2.0.2"); err != nil {
		t.Fatal(err)
	}
	found, report := explained(t, name)
	if _, hit := found["log-rule-not-hit"]; hit {
		t.Errorf("hit, and still %+v", found)
	}
	stood, err := collect.New(l.NS("rt")).Logging(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	switch allowed, known := stood.AllNetns.Get(); {
	case allowed:
		t.Log("net.netfilter.nf_log_all_netns is 1 now: what it hides cannot be tested")
	case !known: // the tests run in a namespace of their own
		has("log-netns-gate", doctor.Medium)
	default:
		has("log-netns-gate", doctor.High)
		if w := report.Ways[0]; w.What != "LOG warning" || !strings.Contains(w.Nowhere, "nf_log_all_netns") || *w.Packets == 0 {
			t.Errorf("%+v", w)
		}
	}
	for _, c := range [][2]string{{"NONE", "log-backend-none"}, {"nfnetlink_log", "log-backend-nfnetlink"}} {
		if err := l.Sysctl("rt", "net/netfilter/nf_log/2", c[0]); err != nil {
			t.Fatal(err)
		}
		f := has(c[1], doctor.High)
		if want := "ip netns exec " + name + " sysctl -w net.netfilter.nf_log.2=nf_log_ipv4"; f.Fix[0] != want {
			t.Errorf("fix %q, want %q", f.Fix, want)
		}
	}
	fix := strings.Fields(has("log-backend-nfnetlink", doctor.High).Fix[0])
	if out, err := exec.Command(fix[0], fix[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", fix, err, out)
	}
	if found, _ := explained(t, name); found["log-backend-nfnetlink"].ID != "" {
		t.Error("the fix did not mend it")
	}
}
