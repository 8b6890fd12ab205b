package collect

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/rules"
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset"
)

// TestDecodeCall: attributes as Linux 6.12 sent them.
func TestDecodeCall(t *testing.T) {
	for _, c := range []struct {
		name, attrs string
		want        rules.Call
	}{
		{
			"a chain",
			"\x0e\x00\x05\x00nf_tables\x00\x00\x00\x16\x00\x04\x00nft_do_chain_ipv4\x00\x00\x00\x08\x00\x01\x00\x00\x00\x00\x03" +
				"\x08\x00\x02\x00\x00\x00\x00\x00\x28\x00\x06\x80\x08\x00\x02\x00\x00\x00\x00\x01" +
				"\x1c\x00\x01\x80\x06\x00\x01\x00a\x00\x00\x00\x06\x00\x03\x00x\x00\x00\x00\x05\x00\x02\x00\x02\x00\x00\x00",
			rules.Call{
				Function: "nft_do_chain_ipv4", Module: "nf_tables", Chain: "x",
				Table: ruleset.TableKey{Backend: ruleset.NFT, Family: ruleset.IP, Name: "a"},
			},
		},
		{
			"of the kernel itself",
			"\x1a\x00\x04\x00apparmor_ip_postroute\x00\x00\x00\x08\x00\x01\x00\x00\x00\x00\x04\x08\x00\x02\x00\xff\xff\xff\x1f",
			rules.Call{Function: "apparmor_ip_postroute", Priority: -225},
		},
		{
			"a BPF program",
			"\x08\x00\x02\x00\x00\x00\x00\x07\x18\x00\x06\x80\x08\x00\x02\x00\x00\x00\x00\x02\x0c\x00\x01\x80\x08\x00\x01\x00\x00\x00\x00\x2a",
			rules.Call{Priority: 7, Program: 42},
		},
		{"cut off", "\x08\x00\x02\x00\x00\x00", rules.Call{}},
	} {
		if diff := cmp.Diff(c.want, decodeCall(wire.Attrs(c.attrs))); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// TestCallsLoadNothing: what the kernel does not have is not asked for, and where it
// is there the answer is of this namespace.
func TestCallsLoadNothing(t *testing.T) {
	before := lookUp("nfnetlink_hook", "nfnl_hook_dump_one")
	calls, err := New(newNS(t)).Calls()
	if err != nil {
		t.Fatal(err)
	}
	if after := lookUp("nfnetlink_hook", "nfnl_hook_dump_one"); after != before {
		t.Error("asking loaded a module")
	}
	for _, c := range calls {
		if c.Chain != "" {
			t.Errorf("a namespace without rules has %+v", c)
		}
	}
}
