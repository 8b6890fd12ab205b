package wire

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestNumbers holds the numbers that are written down here to the system's headers.
func TestNumbers(t *testing.T) {
	for _, n := range []struct {
		what       string
		ours, want int
	}{
		{"message header", HeaderLen, unix.SizeofNlMsghdr},
		{"attribute header", AttrHeaderLen, unix.SizeofNlAttr},
		{"first type of a subsystem", minType, unix.NLMSG_MIN_TYPE},
		{"attribute flags", attrFlags, unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER},
	} {
		if n.ours != n.want {
			t.Errorf("%s: %d, want %d", n.what, n.ours, n.want)
		}
	}
}

func TestNextSeveral(t *testing.T) {
	name := AppendAttr(nil, 1, []byte("filter\x00"))
	d := AppendMessage(nil, 0x0a11, 0x800, 7, unix.NFPROTO_IPV6, 5, name)
	d = AppendMessage(d, 0x0400, 0, 0, unix.NFPROTO_IPV4, 0xabcd, AppendAttr(nil, unix.NLA_F_NESTED|2, nil))
	d = AppendMessage(d, 0x0a11, 0, 0, 0, 0, nil)

	var got []Message
	for off := 0; ; {
		m, next, ok, err := Next(d, off)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		got, off = append(got, m), next
	}
	if len(got) != 3 {
		t.Fatalf("%d messages, want 3", len(got))
	}
	m := got[0]
	if m.Type != 0x0a11 || m.Flags != 0x800 || m.Seq != 7 || m.Family != 10 || m.ResID != 5 {
		t.Errorf("first: %+v", m)
	}
	a, ok := m.Attrs.Next()
	if !ok || a.Type != 1 || string(a.Text()) != "filter" || len(a.Data) != 7 {
		t.Errorf("attribute %+v %v", a, ok)
	}
	if got[1].ResID != 0xabcd {
		t.Errorf("second: %+v", got[1])
	}
	if a, ok := got[1].Attrs.Next(); !ok || a.Type != 2 || len(a.Data) != 0 {
		t.Errorf("nested flag: attribute %+v %v", a, ok)
	}
	if len(got[2].Attrs) != 0 {
		t.Errorf("third has attributes: %x", got[2].Attrs)
	}
}

// TestNextOwn: netlink's own messages have no nfgenmsg.
func TestNextOwn(t *testing.T) {
	d := AppendMessage(nil, unix.NLMSG_ERROR, 0, 3, 0xff, 0xffff, nil)
	m, next, ok, err := Next(d, 0)
	if err != nil || !ok || next != len(d) || len(m.Attrs) != 4 || m.Family != 0 {
		t.Errorf("%+v %d %v %v", m, next, ok, err)
	}
}

func TestNextDamaged(t *testing.T) {
	whole := AppendMessage(nil, 0x0a11, 0, 0, 2, 0, AppendAttr(nil, 1, []byte("x\x00")))
	with := func(at int, v byte) []byte {
		d := bytes.Clone(whole)
		d[at] = v
		return d
	}
	for _, c := range []struct {
		name     string
		datagram []byte
		offset   int
		want     string
	}{
		{"short header", whole[:15], 0, "netlink header at offset 0: 15 bytes, want 16"},
		{"length below header", with(0, 15), 0, "netlink message at offset 0: length 15 of 28 bytes"},
		{"length zero", with(0, 0), 0, "netlink message at offset 0: length 0 of 28 bytes"},
		{"length past the end", with(0, 29), 0, "netlink message at offset 0: length 29 of 28 bytes"},
		{"huge length", with(3, 0xff), 0, "of 28 bytes"},
		{"no nfgenmsg", with(0, 19), 0, "netfilter header at offset 16: 3 bytes, want 4"},
		{"second is cut", append(bytes.Clone(whole), whole[:20]...), 28, "netlink message at offset 28: length 28 of 20 bytes"},
		{"trailing bytes", append(bytes.Clone(whole), 1, 2, 3), 28, "netlink header at offset 28: 3 bytes, want 16"},
	} {
		_, _, ok, err := Next(c.datagram, c.offset)
		if ok || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: ok %v, error %v, want %q", c.name, ok, err, c.want)
		}
	}
}

// TestNextUnaligned: a last message need not be padded.
func TestNextUnaligned(t *testing.T) {
	d := AppendMessage(nil, 0x0a11, 0, 0, 2, 0, []byte{6, 0, 1, 0, 'a', 'b'})
	d = d[:26]
	m, next, ok, err := Next(d, 0)
	if err != nil || !ok || next != 26 {
		t.Fatalf("%d %v %v", next, ok, err)
	}
	if a, ok := m.Attrs.Next(); !ok || string(a.Data) != "ab" || len(m.Attrs) != 0 {
		t.Errorf("%+v %v, left %x", a, ok, m.Attrs)
	}
}

func TestAttrsNextDamaged(t *testing.T) {
	for _, raw := range [][]byte{{1}, {3, 0, 1, 0}, {5, 0, 1, 0}, {0, 0, 0, 0}, {0xff, 0xff, 1, 0, 0}} {
		a := Attrs(raw)
		if attr, ok := a.Next(); ok || len(a) != len(raw) {
			t.Errorf("%x: took %+v, left %x", raw, attr, a)
		}
	}
}

func TestAttrNumbers(t *testing.T) {
	a := Attr{Data: []byte{1, 2, 3, 4, 5, 6, 7, 8}}
	if v, ok := a.BE64(); !ok || v != 0x0102030405060708 {
		t.Errorf("BE64 %x %v", v, ok)
	}
	if v, ok := (Attr{Data: a.Data[:4]}).BE32(); !ok || v != 0x01020304 {
		t.Errorf("BE32 %x %v", v, ok)
	}
	if v, ok := (Attr{Data: a.Data[:2]}).BE16(); !ok || v != 0x0102 {
		t.Errorf("BE16 %x %v", v, ok)
	}
	if v, ok := (Attr{Data: a.Data[:1]}).Uint8(); !ok || v != 1 {
		t.Errorf("Uint8 %x %v", v, ok)
	}
	for n := range 9 {
		a := Attr{Data: a.Data[:n]}
		_, ok8 := a.Uint8()
		_, ok16 := a.BE16()
		_, ok32 := a.BE32()
		_, ok64 := a.BE64()
		if ok8 != (n == 1) || ok16 != (n == 2) || ok32 != (n == 4) || ok64 != (n == 8) {
			t.Errorf("%d bytes: %v %v %v %v", n, ok8, ok16, ok32, ok64)
		}
	}
}

// TestInPlace: whoever appends to what was handed out must not write into the
// next message.
func TestInPlace(t *testing.T) {
	d := AppendMessage(nil, 0x0a11, 0, 0, 2, 0, AppendAttr(AppendAttr(nil, 1, []byte("ab")), 2, []byte("cd")))
	want := bytes.Clone(d)
	m, _, _, err := Next(d, 0)
	if err != nil {
		t.Fatal(err)
	}
	_ = append(m.Raw, 0xee)
	a, _ := m.Attrs.Next()
	_ = append(a.Data, 0xee, 0xee, 0xee)
	if !bytes.Equal(d, want) {
		t.Errorf("datagram became %x", d)
	}
}

func FuzzNext(f *testing.F) {
	f.Add(AppendMessage(nil, 0x0a11, 0, 0, 2, 0, AppendAttr(nil, 1, []byte("filter\x00"))))
	f.Add(AppendMessage(AppendMessage(nil, 2, 0, 9, 0, 0, nil), 0x0400, 0, 0, 2, 0, []byte{1, 2, 3}))
	f.Fuzz(func(t *testing.T, d []byte) {
		for off := 0; ; {
			m, next, ok, err := Next(d, off)
			if !ok {
				if err == nil && off != len(d) {
					t.Fatalf("ends at %d of %d without an error", off, len(d))
				}
				return
			}
			if err != nil || next <= off || next > len(d) || !bytes.Equal(m.Raw, d[off:off+len(m.Raw)]) {
				t.Fatalf("at %d: next %d, %d bytes, %v", off, next, len(m.Raw), err)
			}
			off = next
			walk(t, m)
		}
	})
}

func walk(t *testing.T, m Message) {
	rest := m.Attrs
	for at := m.Offset(rest); ; at = m.Offset(rest) {
		a, ok := rest.Next()
		if !ok {
			return
		}
		if head := m.Raw[at:]; !bytes.Equal(a.Data, head[AttrHeaderLen:AttrHeaderLen+len(a.Data)]) || m.Offset(rest) <= at {
			t.Fatalf("attribute at %d: %x, then %d", at, a.Data, m.Offset(rest))
		}
		if text := a.Text(); bytes.IndexByte(text, 0) >= 0 || !bytes.HasPrefix(a.Data, text) {
			t.Fatalf("text %q of %x", text, a.Data)
		}
	}
}
