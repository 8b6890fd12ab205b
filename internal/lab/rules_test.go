package lab

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/packet"
)

func TestLoadEveryWorld(t *testing.T) {
	const rule = "*filter\n-A FORWARD -p tcp -m tcp --dport 4711 -j DROP\nCOMMIT\n"
	for _, c := range []struct {
		Ruleset
		show []string
	}{
		{Ruleset{Legacy, packet.IPv4, rule}, []string{"iptables-legacy-save"}},
		{Ruleset{Legacy, packet.IPv6, rule}, []string{"ip6tables-legacy-save"}},
		{Ruleset{IptablesNFT, packet.IPv4, rule}, []string{"iptables-nft-save"}},
		{Ruleset{IptablesNFT, packet.IPv6, rule}, []string{"ip6tables-nft-save"}},
		{Ruleset{NFT, packet.Unspec, "table inet t { chain c { tcp dport 4711 drop; }; }"}, []string{"nft", "list", "ruleset"}},
	} {
		t.Run(c.show[0], func(t *testing.T) {
			Need(t, c.World)
			l := New(t, "router")
			if err := l.Load(t.Context(), "rt", c.Ruleset); err != nil {
				t.Fatal(err)
			}
			t.Setenv("XTABLES_LOCKFILE", t.TempDir()+"/lock")
			for ns, want := range map[string]bool{"rt": true, "client": false} {
				out, err := l.Exec(t.Context(), ns, c.show...)
				if err != nil || strings.Contains(out, "dport 4711") != want {
					t.Errorf("%s has the rule: want %v, got %q, %v", ns, want, out, err)
				}
			}
		})
	}
}

func TestLoadErrors(t *testing.T) {
	l := New(t, "router")
	for name, c := range map[string]struct {
		ns   string
		r    Ruleset
		want string
	}{
		"nft's words":      {"rt", Ruleset{World: NFT, Text: "table inet t { nonsense"}, "syntax error"},
		"iptables' words":  {"rt", Ruleset{IptablesNFT, packet.IPv4, "*filter\n-A NOWHERE -j DROP\nCOMMIT\n"}, "line 2 failed"},
		"no such place":    {"moon", Ruleset{World: NFT}, "[client rt server]"},
		"no such language": {"rt", Ruleset{World: Legacy, Text: "x"}, "no tool loads"},
	} {
		if err := l.Load(t.Context(), c.ns, c.r); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", name, err, c.want)
		}
	}
}

func TestExec(t *testing.T) {
	l := New(t, "router")
	if out, err := l.Exec(t.Context(), "client", "cat", "/proc/self/net/dev"); err != nil || !strings.Contains(out, "c0:") {
		t.Errorf("%q, %v", out, err)
	}
	_, err := l.Exec(t.Context(), "client", "sh", "-c", "echo trouble >&2; exit 3")
	if exit := (*exec.ExitError)(nil); !asExit(err, &exit) || exit.ExitCode() != 3 || !strings.Contains(err.Error(), "trouble") {
		t.Error(err)
	}
	if _, err := l.Exec(t.Context(), "client"); err == nil {
		t.Error("ran nothing")
	}
}

func TestWorldsNamesWhatBringsThem(t *testing.T) {
	worlds, err := Worlds(t.Context())
	if err != nil || len(worlds) != 3 {
		t.Fatal(worlds, err)
	}
	t.Log(worlds)
	if installLine(NFT) == "" {
		Lacks(t, "no known package manager here")
	}
	for w, pkg := range map[World]string{Legacy: " iptables", IptablesNFT: " iptables", NFT: " nftables"} {
		if s := (Support{World: w, Why: "not found", Fix: installLine(w)}); !strings.HasSuffix(s.String(), pkg) {
			t.Error(s)
		}
	}
}
