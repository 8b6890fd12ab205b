package render

import (
	"bytes"
	"testing"

	"github.com/pktrail/pktrail/internal/doctor"
)

// loggingReport has a finding of each kind of look.
func loggingReport() *doctor.LoggingReport {
	return &doctor.LoggingReport{
		Schema: doctor.LoggingSchema, Netns: doctor.Netns{Name: "blue", Inode: 4026532201}, Rules: 3, Trouble: true,
		Ways: []doctor.Way{
			{Family: "ip", What: "LOG debug", Rules: 1, Packets: ptr(uint64(12)), To: []string{"the kernel's log (dmesg)", "/var/log/kern.log"}},
			{Family: "ip6", What: "NFLOG group 5", Rules: 2, To: []string{}, Nowhere: "nobody listens to group 5"},
		},
		Findings: []doctor.Finding{
			{
				Schema: doctor.FindingSchema, ID: "log-netns-gate", Severity: doctor.High, Certainty: doctor.Certain,
				Title: "this network namespace may not write packet lines to the kernel's log",
				Evidence: []doctor.Evidence{
					{What: "legacy ip raw OUTPUT rule 1", Is: "-A OUTPUT -p icmp -j LOG --log-prefix \"a\x1b[31mb \""},
					{What: "net.netfilter.nf_log_all_netns", Is: "0", Want: "1"},
				},
				Explains: []string{"log-hit-not-shown"}, Fix: []string{"pktrail log --netns blue --at all", "sysctl -w net.netfilter.nf_log_all_netns=1"},
				Source: []string{"net/netfilter/nf_log_syslog.c: nf_log_allowed"},
			},
			{
				Schema: doctor.FindingSchema, ID: "log-rules-unread", Severity: doctor.Low, Certainty: doctor.Suspect,
				Title: "some rules could not be read", Evidence: []doctor.Evidence{{What: "not read", Is: "table ip x: nft took longer than 10s"}},
				Explains: []string{}, Fix: []string{}, Source: []string{},
			},
		},
	}
}

func TestLogging(t *testing.T) {
	well := &doctor.LoggingReport{
		Schema: doctor.LoggingSchema, Netns: doctor.Netns{Name: "host", Inode: 7}, Rules: 1, LastLine: ptr(3.25), Findings: []doctor.Finding{},
		Ways: []doctor.Way{{Family: "ip", What: "LOG warning", Rules: 1, Packets: ptr(uint64(1)), To: []string{"the kernel's log (dmesg)"}}},
	}
	var plainText, narrow, lines bytes.Buffer
	for _, r := range []*doctor.LoggingReport{loggingReport(), well} {
		for _, err := range []error{
			NewText(&plainText, Options{}).Logging(r),
			NewText(&narrow, Options{Width: 60, ASCII: true, Color: true}).Logging(r),
			NewJSON(&lines).Logging(r),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	golden(t, "logging-text", plainText.Bytes())
	golden(t, "logging-narrow", narrow.Bytes())
	golden(t, "logging-json", lines.Bytes())
}
