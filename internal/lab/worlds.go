package lab

import (
	"context"
	"errors"
	"fmt"
	"os/exec"

	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/packet"
)

// Support says whether rules of a world can be loaded here.
type Support struct {
	World World
	Why   string // it is missing; "" when it is there
	Fix   string // the line that brings it; "" when none is known
}

// OK reports whether the world is there.
func (s Support) OK() bool { return s.Why == "" }

// String is one line for people.
func (s Support) String() string {
	switch {
	case s.OK():
		return string(s.World) + ": available"
	case s.Fix == "":
		return fmt.Sprintf("%s: missing: %s", s.World, s.Why)
	}
	return fmt.Sprintf("%s: missing: %s: try: %s", s.World, s.Why, s.Fix)
}

// Worlds asks the tools and the kernel of this machine, in a namespace made for
// that, which rules can be loaded. The error is about the asking.
func Worlds(ctx context.Context) ([]Support, error) {
	ns, err := netns.New("probe")
	if err != nil {
		return nil, fmt.Errorf("ask for rule worlds: %w", err)
	}
	defer func() { _ = ns.Close() }()
	var all []Support
	for _, w := range []World{Legacy, IptablesNFT, NFT} {
		all = append(all, probe(ctx, ns, w))
	}
	return all, nil
}

// probe loads rules of the kinds that labs use.
func probe(ctx context.Context, ns *netns.NS, w World) Support {
	s := Support{World: w}
	for _, r := range w.probes() {
		err := load(ctx, ns, r)
		if err == nil {
			continue
		}
		s.Why = err.Error()
		if errors.Is(err, exec.ErrNotFound) {
			s.Fix = installLine(w)
		} else {
			s.Fix = w.modules()
		}
		break
	}
	return s
}

func (w World) probes() []Ruleset {
	if w == NFT {
		return []Ruleset{{World: NFT, Text: `table inet probe {
			chain nat { type nat hook postrouting priority srcnat; masquerade; }
			chain filter { ct state established reject; }
		}`}}
	}
	const tables = `*mangle
-A OUTPUT -j MARK --set-xmark 0x1/0x1
COMMIT
*nat
-A POSTROUTING -j MASQUERADE
COMMIT
*filter
-A INPUT -m conntrack --ctstate ESTABLISHED -j REJECT
COMMIT
`
	rs := []Ruleset{{World: w, Family: packet.IPv4, Text: tables}}
	if hasIPv6() {
		rs = append(rs, Ruleset{World: w, Family: packet.IPv6, Text: tables})
	}
	return rs
}

// modules is for kernels that have the world as modules, which a user namespace
// cannot load.
func (w World) modules() string {
	if w == Legacy {
		return "sudo modprobe -a iptable_filter iptable_mangle iptable_nat ip6table_filter ip6table_mangle ip6table_nat"
	}
	return "sudo modprobe -a nf_tables nft_compat nft_ct nft_chain_nat"
}

// installLine is the package manager's line for a world whose tool is not there.
func installLine(w World) string {
	pkg := "iptables"
	if w == NFT {
		pkg = "nftables"
	}
	for _, m := range []struct{ tool, line string }{
		{"apt-get", "sudo apt-get install -y "},
		{"dnf", "sudo dnf install -y "},
		{"zypper", "sudo zypper install -y "},
		{"pacman", "sudo pacman -S --noconfirm "},
		{"apk", "sudo apk add "},
	} {
		if _, err := findTool(m.tool); err == nil {
			return m.line + pkg
		}
	}
	return ""
}
