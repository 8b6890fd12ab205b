package flows_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/flows"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/packet"
)

// expected is data of FTP from any port of 10.0.0.2.
func expected() *conntrack.Expect {
	tuple := func(src, dst string, sport, dport uint16) conntrack.Tuple {
		return conntrack.Tuple{Src: addr(src), Dst: addr(dst), Proto: packet.ProtoTCP, SrcPort: sport, DstPort: dport, Has: conntrack.HasProto | conntrack.HasPorts}
	}
	e := &conntrack.Expect{
		Has:    conntrack.HasExpectTimeout | conntrack.HasExpectID | conntrack.HasExpectFlags | conntrack.HasExpectZone | conntrack.HasExpectNATDir,
		Family: packet.IPv4, Tuple: tuple("10.0.0.2", "10.0.0.1", 0, 2000), Mask: tuple("255.255.255.255", "255.255.255.255", 0, 0xffff),
		Master: tuple("10.0.0.1", "10.0.0.2", 1000, 21), Timeout: 300, ID: 7, Helper: "ftp", Zone: 5, Flags: conntrack.ExpectInactive | 1<<9,
		Func: "nat-follow-master", NATDir: 1, NATTuple: tuple("192.168.0.1", "0.0.0.0", 2001, 0),
		Unknown: []conntrack.Attr{{Path: [4]uint16{99}, Data: []byte{1, 2}}},
	}
	return e
}

func TestExpect(t *testing.T) {
	const want = `{"schema":"pktrail/expect/v1","id":7,"family":"ipv4","proto":"tcp",` +
		`"tuple":{"src":"10.0.0.2","dst":"10.0.0.1","sport":0,"dport":2000},"mask":{"src":"255.255.255.255","dst":"255.255.255.255","sport":0,"dport":65535},` +
		`"master":{"src":"10.0.0.1","dst":"10.0.0.2","sport":1000,"dport":21},"timeout":300,"helper":"ftp","zone":5,"flags":["INACTIVE","0x200"],` +
		`"func":"nat-follow-master","nat":{"direction":"reply","src":"192.168.0.1","sport":2001},"unknown":[{"path":[99],"data":"0102"}]}`
	got, err := json.Marshal(flows.Expect(expected()))
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s\n%s", err, got, want)
	}
	bare, err := json.Marshal(flows.Expect(&conntrack.Expect{}))
	if err != nil || string(bare) != `{"schema":"pktrail/expect/v1","family":"unknown","tuple":{},"mask":{},"master":{}}` {
		t.Errorf("%v\n%s", err, bare)
	}
}

func TestJudgeExpect(t *testing.T) {
	for words, want := range map[string]match.Answer{
		"": match.Yes, "-p tcp": match.Yes, "-p udp": match.No, "-6": match.No, "-s 10.0.0.2": match.Yes, "-s 10.0.0.3": match.No,
		"! -d 10.0.0.1": match.No, "-p tcp --dport 2000:2010": match.Yes, "-p tcp --dport 80": match.No,
		"-p tcp --sport 20": match.Unknown, "-p tcp --sport 20 --dport 80": match.No, "-p tcp ! --sport 20": match.Unknown,
	} {
		m, _, err := match.Parse(strings.Fields(words))
		if err != nil {
			t.Fatal(err)
		}
		if v := flows.JudgeExpect(&m, expected()); v.Answer != want || (want == match.Unknown) != (v.Why != "") {
			t.Errorf("%q: %+v", words, v)
		}
	}
	open := expected()
	open.Mask.Src = addr("255.255.255.0")
	m, _, _ := match.Parse([]string{"-s", "10.0.0.3"})
	if v := flows.JudgeExpect(&m, open); v.Answer != match.Unknown {
		t.Errorf("%+v", v)
	}
}
