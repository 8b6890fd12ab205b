package ipset

import (
	"encoding/binary"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/wire"
)

// replay takes messages as they came from a kernel.
func replay(t testing.TB, messages []byte) *Listing {
	t.Helper()
	l := &Listing{}
	for off := 0; ; {
		m, next, ok, err := wire.Next(messages, off)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return l
		}
		l.Take(m)
		off = next
	}
}

func saved(l *Listing) string {
	var b []byte
	for _, s := range l.Sets {
		b = s.AppendSave(b)
	}
	return string(b)
}

// TestReplay prints what Linux 6.18 listed, which internal/collect recorded and
// held to ipset(8).
func TestReplay(t *testing.T) {
	messages, err := os.ReadFile("testdata/sets.messages")
	if err != nil {
		t.Fatal(err)
	}
	got := saved(replay(t, messages))
	if os.Getenv("PKTRAIL_RECORD") != "" {
		if err := os.WriteFile("testdata/sets.save", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/sets.save")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

// Makers of messages, by include/uapi/linux/netfilter/ipset/ip_set.h.

func attr(typ uint16, data []byte) []byte { return wire.AppendAttr(nil, typ, data) }

func be32(typ uint16, n uint32) []byte { return attr(typ, binary.BigEndian.AppendUint32(nil, n)) }

func be16(typ uint16, n uint16) []byte { return attr(typ, binary.BigEndian.AppendUint16(nil, n)) }

func ip(typ uint16, s string) []byte {
	a := netip.MustParseAddr(s)
	family := uint16(1)
	if a.Is6() {
		family = 2
	}
	return attr(typ, attr(family, a.AsSlice()))
}

func join(parts ...[]byte) (all []byte) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// message lists a set, or more of one where typeName is empty.
func message(name, typeName string, family uint8, head []byte, members ...[]byte) wire.Message {
	b := join(attr(attrProtocol, []byte{6}), attr(attrSetName, []byte(name+"\x00")))
	if typeName != "" {
		b = join(b, attr(attrTypeName, []byte(typeName+"\x00")), attr(attrFamily, []byte{family}), attr(attrRevision, []byte{1}), attr(attrData, head))
	}
	var all []byte
	for _, m := range members {
		all = append(all, attr(attrData, m)...)
	}
	b = append(b, attr(attrMembers, all)...)
	m, _, _, _ := wire.Next(wire.AppendMessage(nil, Subsystem<<8|CmdList, 0, 1, 2, 0, b), 0)
	return m
}

func take(t testing.TB, messages ...wire.Message) *Listing {
	t.Helper()
	l := &Listing{}
	for _, m := range messages {
		if !l.Take(m) {
			t.Fatalf("message %x was not taken", m.Raw)
		}
	}
	return l
}

// TestTypesNotRecorded has those types that the recording's kernel lacks.
func TestTypesNotRecorded(t *testing.T) {
	sizes := join(be32(attrHashSize, 64), be32(attrMaxElem, 9))
	mac := attr(attrEther, []byte{2, 0, 0, 0, 0, 0xab})
	got := saved(take(t,
		message("m", "hash:ip,mark", 2, join(sizes, be32(attrMarkMask, 0xff)), join(ip(attrIP, "10.0.0.1"), be32(attrMark, 5))),
		message("q", "hash:ip,mac", 2, sizes, join(ip(attrIP, "10.0.0.1"), mac)),
		message("r", "hash:mac", 0, sizes, mac),
		message("s", "hash:net,net", 10, sizes, join(ip(attrIP, "2001:db8::"), attr(attrCIDR, []byte{32}), ip(attrIP2, "::"), attr(attrCIDR2, []byte{0}), be32(attrFlags, flagNoMatch))),
		message("t", "hash:net,port,net", 2, sizes,
			join(ip(attrIP, "10.0.0.0"), attr(attrCIDR, []byte{8}), be16(attrPort, 80), attr(attrProto, []byte{6}), ip(attrIP2, "192.0.2.0"), attr(attrCIDR2, []byte{24}))),
	))
	want := `create m hash:ip,mark family inet markmask 0x000000ff hashsize 64 maxelem 9
add m 10.0.0.1,0x00000005
create q hash:ip,mac family inet hashsize 64 maxelem 9
add q 10.0.0.1,02:00:00:00:00:AB
create r hash:mac family unspec hashsize 64 maxelem 9
add r 02:00:00:00:00:AB
create s hash:net,net family inet6 hashsize 64 maxelem 9
add s 2001:db8::/32,::/0 nomatch
create t hash:net,port,net family inet hashsize 64 maxelem 9
add t 10.0.0.0/8,tcp:80,192.0.2.0/24
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestUnknownIsKept: attributes of later kernels are shown as they came.
func TestUnknownIsKept(t *testing.T) {
	l := take(t, message("a", "hash:ip", 2, be32(90, 7), join(ip(attrIP, "10.0.0.1"), attr(91, []byte{1}))))
	want := "create a hash:ip family inet hashsize 0 maxelem 0 unknown 0x08005a0000000007\nadd a 10.0.0.1 unknown 0x05005b0001000000\n"
	if got := saved(l); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestMoreOfASet: a set's members come in several messages.
func TestMoreOfASet(t *testing.T) {
	first := message("a", "hash:ip", 2, nil, ip(attrIP, "10.0.0.1"))
	more := message("a", "", 0, nil, ip(attrIP, "10.0.0.2"))
	l := take(t, first, more)
	if len(l.Sets) != 1 || len(l.Sets[0].Elements) != 2 {
		t.Errorf("%+v", l.Sets)
	}
	if l.Take(message("b", "", 0, nil)) || (&Listing{}).Take(more) {
		t.Error("members of a set that did not come were taken")
	}
	if l.Take(wire.Message{Type: 0xa01}) {
		t.Error("a message of another subsystem was taken")
	}
}

// FuzzTake: whatever comes is decoded, printed and asked without a panic.
func FuzzTake(f *testing.F) {
	messages, err := os.ReadFile("testdata/sets.messages")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(messages)
	for off := 0; off < len(messages); {
		m, next, ok, err := wire.Next(messages, off)
		if err != nil || !ok {
			break
		}
		f.Add(m.Raw)
		off = next
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l := &Listing{}
		for off := 0; ; {
			m, next, ok, err := wire.Next(b, off)
			if err != nil || !ok {
				break
			}
			l.Take(m)
			off = next
		}
		if text := saved(l); strings.Count(text, "\n") < len(l.Sets) {
			t.Errorf("%d sets print as %q", len(l.Sets), text)
		}
		askAll(t, l.Sets)
	})
}
