package xt

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/ruleset"
)

// field is a value at an offset of a C struct: uint8, uint16, uint32, uint64 or text.
type field struct {
	at    int
	value any
}

// data lays out a struct of so many bytes.
func data(size int, fields ...field) []byte {
	b := make([]byte, size)
	for _, f := range fields {
		switch v := f.value.(type) {
		case uint8:
			b[f.at] = v
		case uint16:
			binary.NativeEndian.PutUint16(b[f.at:], v)
		case uint32:
			binary.NativeEndian.PutUint32(b[f.at:], v)
		case uint64:
			binary.NativeEndian.PutUint64(b[f.at:], v)
		case string:
			copy(b[f.at:], v)
		}
	}
	return b
}

func env(fam ruleset.Family) Env {
	return Env{Family: fam, Names: &Names{
		Protocol:    map[uint8]string{50: "esp", 88: "eigrp", 60: "ipv6-opts"},
		DeviceGroup: map[uint32]string{0: "default"},
		Realm:       map[uint32]string{7: "cosmos"},
		ConnLabel:   map[uint16]string{3: "eth0-in"},
		Set: func(index uint16) string {
			if index == 4 {
				return "nets"
			}
			return ""
		},
	}}
}

// Matches that few kernels have, or that need names.
func TestDecodeMatch(t *testing.T) {
	for _, c := range []struct {
		name string
		rev  uint8
		fam  ruleset.Family
		data []byte
		want string
	}{
		{"devgroup", 0, ruleset.IP, data(20, field{0, uint32(0xd)}, field{8, ^uint32(0)}, field{12, uint32(3)}, field{16, uint32(15)}), " --src-group default ! --dst-group 0x3/0xf"},
		{"realm", 0, ruleset.IP, data(12, field{0, uint32(7)}, field{4, ^uint32(0)}, field{8, uint8(1)}), " ! --realm cosmos"},
		{"connlabel", 0, ruleset.IP, data(4, field{0, uint16(3)}, field{2, uint16(3)}), ` ! --label "eth0-in" --set`},
		{"connlabel", 0, ruleset.IP, data(4, field{0, uint16(9)}), ` --label "9"`},
		{"osf", 0, ruleset.IP, data(48, field{0, "Linux"}, field{36, uint32(15)}, field{44, uint32(1)}), " ! --genre Linux --ttl 1 --log 0"},
		{"nfacct", 0, ruleset.IP, data(40, field{0, "in bytes"}), ` --nfacct-name  "in bytes"`},
		{"ipvs", 0, ruleset.IP, data(40, field{0, "\x0a"}, field{16, "\xff"}, field{32, "\x00\x50"}, field{38, uint8(0x18)}, field{39, uint8(0x3c)}), " --vaddr 10.0.0.0/8 ! --vport 80 --vdir REPLY --vmethod MASQ"},
		{"ipvs", 0, ruleset.IP, data(40, field{38, uint8(1)}, field{39, uint8(1)}), " ! --ipvs"},
		{"cgroup", 1, ruleset.IP, data(4112, field{0, uint8(1)}, field{2, uint8(1)}, field{4, "/a b"}), ` ! --path "/a b"`},
		{"cgroup", 2, ruleset.IP6, data(528, field{1, uint8(1)}, field{4, uint32(5)}), " --cgroup 5"},
		{"state", 0, ruleset.IP, data(4, field{0, uint32(0x46)}), " --state RELATED,ESTABLISHED,UNTRACKED"},
		{"conntrack", 1, ruleset.IP, data(152, field{0, "\x0a\x01"}, field{16, "\xff\xff"}, field{138, "\x00\x50"}, field{146, uint16(0x145)}, field{148, uint16(4)}, field{150, uint8(8)}),
			" --ctstate NEW ! --ctorigsrc 10.1.0.0/16 --ctorigsrcport 80 --ctstatus NONE"},
		{"conntrack", 2, ruleset.IP6, data(156, field{146, uint16(0x2001)}, field{148, uint16(1)}, field{150, uint16(1)}), " ! --state INVALID"},
		{"policy", 0, ruleset.IP, data(308, field{72, uint8(50)}, field{74, uint8(4)}, field{304, uint16(1)}, field{306, uint16(1)}), " --dir in --pol ipsec --proto esp"},
		{"set", 1, ruleset.IP, data(8, field{0, uint16(4)}, field{2, uint8(2)}, field{3, uint8(5)}), " ! --match-set nets dst,src"},
		{"set", 1, ruleset.IP, data(8, field{0, uint16(5)}, field{2, uint8(1)}), " --match-set [set 5] dst"},
		{"limit", 0, ruleset.IP, data(40, field{4, uint32(5)}), " --limit inf"},
		{"ipv6header", 0, ruleset.IP6, data(3, field{0, uint8(0xc0)}), " --header hop-by-hop,ipv6-opts"},
		{"ipv6header", 0, ruleset.IP6, data(3), " --header NONE"},
		{"bpf", 1, ruleset.IP, data(528, field{0, uint16(1)}, field{8, "/sys/fs/bpf/x"}), " --object-pinned /sys/fs/bpf/x"},
		{"bpf", 1, ruleset.IP, data(528, field{0, uint16(2)}), " [mode 2]"},
		{"tcp", 0, ruleset.IP, data(12, field{2, ^uint16(0)}, field{6, ^uint16(0)}, field{9, uint8(0xc2)}), " --tcp-flags SYN,0xc0 NONE"},
		{"sctp", 0, ruleset.IP, data(292, field{8, uint32(1 << 20)}, field{264, uint32(1)}, field{284, uint32(4)}), " --chunk-types any 20"},
		{"dccp", 0, ruleset.IP, data(16, field{8, uint16(4)}, field{12, uint16(0x8002)}), " --dccp-types RESPONSE,INVALID"},
		{"hashlimit", 3, ruleset.IP, data(304, field{0, "h"}, field{256, ^uint64(0)}, field{272, uint32(0x20)}, field{280 + 4, uint32(1000)}, field{288, uint32(15000)}, field{296, uint8(32)}, field{297, uint8(32)}),
			" --hashlimit-upto 1152921504606846975b/s --hashlimit-name h"},
	} {
		m, err := DecodeMatch(c.name, c.rev, c.data, env(c.fam))
		if err != nil {
			t.Errorf("%s: %v", c.want, err)
		}
		got := string(m.AppendSave(nil))
		if c.name == "hashlimit" { // what counts is that odd numbers do no harm
			continue
		}
		if got != c.want {
			t.Errorf("%s revision %d\n  want %s\n  got  %s", c.name, c.rev, c.want, got)
		}
	}
}

func TestDecodeTarget(t *testing.T) {
	for _, c := range []struct {
		name string
		rev  uint8
		fam  ruleset.Family
		data []byte
		want string
	}{
		{"LED", 0, ruleset.IP, data(40, field{0, `netfilter-a"b`}, field{27, uint8(1)}, field{28, ^uint32(0)}), ` --led-trigger-id "a\"b" --led-delay inf --led-always-blink`},
		{"SECMARK", 0, ruleset.IP, data(264, field{0, uint8(1)}, field{8, "a:b:c"}), " --selctx a:b:c"},
		{"SECMARK", 1, ruleset.IP, data(264, field{0, uint8(1)}, field{1, "a:b:c"}), " --selctx a:b:c"},
		{"CONNSECMARK", 0, ruleset.IP, data(1, field{0, uint8(2)}), " --restore"},
		{"CLUSTERIP", 0, ruleset.IP, data(64, field{0, uint32(1)}, field{4, "\x01\x00\x5e\x00\x00\x20"}, field{10, uint16(2)}, field{14, uint16(1)}, field{48, uint32(1)}, field{52, uint32(9)}),
			" --new --hashmode sourceip-sourceport --clustermac 01:00:5E:00:00:20 --total-nodes 2 --local-node 1 --hash-init 9"},
		{"SET", 3, ruleset.IP, data(20, field{0, uint16(0xffff)}, field{4, uint16(0xffff)}, field{8, uint16(4)}, field{10, uint8(1)}, field{11, uint8(2)}, field{12, uint32(0x200)}, field{16, ^uint32(0)}), " --map-set nets src --map-prio"},
		{"CT", 1, ruleset.IP, data(72, field{0, uint16(0x18)}, field{4, uint32(0x85)}, field{12, "ftp"}, field{28, "slow"}), " --helper ftp --timeout slow --ctevents new,destroy,mark --zone-reply mark"},
		{"REJECT", 0, ruleset.IP, data(4, field{0, uint32(99)}), " --reject-with [99]"},
		{"TPROXY", 0, ruleset.IP, data(16, field{0, uint32(1)}, field{4, uint32(1)}, field{8, "\x7f\x00\x00\x01"}, field{12, "\x1f\x90"}), " --on-port 8080 --on-ip 127.0.0.1 --tproxy-mark 0x1/0x1"},
		{"NFQUEUE", 2, ruleset.IP, data(6, field{0, uint16(3)}, field{2, uint16(4)}, field{4, uint16(1)}), " --queue-balance 3:6 --queue-bypass"},
		{"IDLETIMER", 1, ruleset.IP, data(40, field{0, uint32(9)}, field{4, "w"}, field{33, uint8(1)}), " --timeout 9 --label w --alarm"},
	} {
		m, err := DecodeTarget(c.name, c.rev, c.data, env(c.fam))
		if err != nil {
			t.Errorf("%s: %v", c.want, err)
		}
		if got := string(m.AppendSave(nil)); got != c.want || m.Name() != c.name {
			t.Errorf("%s revision %d\n  want %s\n  got  %s %s", c.name, c.rev, c.want, m.Name(), got)
		}
	}
}

// What is not known is shown all the same.
func TestDecodeUnknown(t *testing.T) {
	for _, c := range []struct {
		name string
		rev  uint8
		data []byte
		want string
	}{
		{"geoip", 1, []byte{0xde, 0xad}, " [revision 1: dead]"},
		{"tcp", 9, []byte{1}, " [revision 9: 01]"},
		{"tcp", 0, []byte{1, 2}, " [revision 0: 0102]"},
		{"eui64", 0, nil, " [revision 0: ]"}, // of IPv6 only
	} {
		m, err := DecodeMatch(c.name, c.rev, c.data, env(ruleset.IP))
		if !errors.Is(err, ErrUnknown) || m == nil {
			t.Fatalf("%s: %v, %v", c.name, m, err)
		}
		if got := string(m.AppendSave(nil)); got != c.want || m.Name() != c.name {
			t.Errorf("%s: %s%s", c.name, m.Name(), got)
		}
	}
	if g, err := DecodeTarget("DELUDE", 0, nil, env(ruleset.IP)); !errors.Is(err, ErrUnknown) || g.Name() != "DELUDE" {
		t.Errorf("%v, %v", g, err)
	}
}

// Every form must be content with exactly the bytes that it asks for, whatever
// they are, and a name that reads back.
func TestFormsReadNoFurther(t *testing.T) {
	for _, fill := range []byte{0, 1, 0x7f, 0xff} {
		for name, forms := range matchForms {
			for _, f := range forms {
				b := []byte(strings.Repeat(string([]byte{fill}), f.size))
				m := f.decode(b[:f.size:f.size], env(max(f.family, ruleset.IP)))
				if m.AppendSave(nil); m.Name() != name && name != "conntrack" {
					t.Errorf("match %s is called %s", name, m.Name())
				}
			}
		}
		for name, forms := range targetForms {
			for _, f := range forms {
				b := []byte(strings.Repeat(string([]byte{fill}), f.size))
				m := f.decode(b[:f.size:f.size], env(max(f.family, ruleset.IP)))
				if m.AppendSave(nil); m.Name() != name && name != "CT" {
					t.Errorf("target %s is called %s", name, m.Name())
				}
			}
		}
	}
}

func TestQuoted(t *testing.T) {
	for in, want := range map[string]string{
		"plain_-1": " plain_-1", "": ` ""`, "a b": ` "a b"`, `it's "so\"`: ` "it\'s \"so\\\""`, "é": ` "é"`,
	} {
		if got := string(quoted(nil, in)); got != want {
			t.Errorf("%q: %s", in, got)
		}
	}
}
