package collect

import (
	"fmt"
	"strings"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// linkBypasses looks for what works on packets before or after the netfilter
// hooks: XDP and tc programs, and bridges whose packets do not come to IP's hooks.
func linkBypasses() []string {
	links, err := readLinks()
	if err != nil {
		return []string{"XDP, tc and bridges could not be asked for: " + err.Error()}
	}
	found := xdpPrograms(links)
	found = append(found, tcPrograms(links)...)
	found = append(found, tcxPrograms(links)...)
	return append(found, bridgedPast(links)...)
}

func xdpPrograms(links []netlink.Link) []string {
	var found []string
	for _, l := range links {
		if x := l.Attrs().Xdp; x != nil && x.Attached {
			found = append(found, fmt.Sprintf("XDP program %d on %s sees packets before every hook and may drop or redirect them; "+
				"see `bpftool prog show id %d`", x.ProgId, l.Attrs().Name, x.ProgId))
		}
	}
	return found
}

// tcPrograms looks at ingress and egress filters, only of links that have the
// qdisc for them.
func tcPrograms(links []netlink.Link) []string {
	rt, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return []string{"tc filters could not be asked for: " + err.Error()}
	}
	defer rt.Close()
	byIndex := map[int]netlink.Link{}
	for _, l := range links {
		byIndex[l.Attrs().Index] = l
	}
	qdiscs, err := rt.QdiscList(nil)
	if err != nil {
		return []string{"tc filters could not be asked for: " + err.Error()}
	}
	var found []string
	for _, q := range qdiscs {
		l := byIndex[q.Attrs().LinkIndex]
		if l == nil || q.Type() != "clsact" && q.Type() != "ingress" {
			continue
		}
		for _, side := range []struct {
			name   string
			parent uint32
		}{{"ingress", netlink.HANDLE_MIN_INGRESS}, {"egress", netlink.HANDLE_MIN_EGRESS}} {
			filters, err := rt.FilterList(l, side.parent)
			if err == nil && len(filters) > 0 {
				found = append(found, tcSentence(l.Attrs().Name, side.name, kinds(filters)))
			}
		}
	}
	return found
}

func tcSentence(link, side, what string) string {
	return fmt.Sprintf("tc has %s at %s of %s: they may drop, redirect or rewrite packets outside the hooks; "+
		"see `tc filter show dev %s %s`", what, side, link, link, side)
}

// kinds names the filters: their programs where they are BPF, else their types.
func kinds(filters []netlink.Filter) string {
	var names []string
	for _, f := range filters {
		if b, ok := f.(*netlink.BpfFilter); ok {
			names = append(names, fmt.Sprintf("BPF program %s (id %d)", b.Name, b.Id))
			continue
		}
		names = append(names, f.Type()+" filter")
	}
	return strings.Join(names, ", ")
}

// queryAttr is the part of union bpf_attr that BPF_PROG_QUERY uses (include/uapi/linux/bpf.h).
type queryAttr struct {
	target, attachType, flags, attachFlags uint32
	ids                                    uint64
	count, _                               uint32
	_                                      [32]byte
}

// tcxPrograms asks for programs attached with tcx (Linux 6.6), which no qdisc
// shows. Older kernels, and readers without the right, answer nothing.
func tcxPrograms(links []netlink.Link) []string {
	const tcxIngress = 46 // BPF_TCX_INGRESS; BPF_TCX_EGRESS follows it
	var found []string
	for _, l := range links {
		for i, side := range []string{"ingress", "egress"} {
			attr := queryAttr{target: uint32(l.Attrs().Index), attachType: tcxIngress + uint32(i)}
			_, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_PROG_QUERY, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
			if errno == unix.EPERM || errno == unix.EINVAL {
				return found
			}
			if errno == 0 && attr.count > 0 {
				found = append(found, fmt.Sprintf("%d BPF programs are attached (tcx) at %s of %s: they may drop, redirect or rewrite packets "+
					"outside the hooks; see `bpftool net show dev %s`", attr.count, side, l.Attrs().Name, l.Attrs().Name))
			}
		}
	}
	return found
}

// bridgedPast: packets between two ports of a bridge come to the hooks of IP
// only through br_netfilter and its settings.
func bridgedPast(links []netlink.Link) []string {
	ports := map[int][]string{}
	names := map[int]string{}
	for _, l := range links {
		if l.Type() == "bridge" {
			names[l.Attrs().Index] = l.Attrs().Name
		}
	}
	for _, l := range links {
		if master := l.Attrs().MasterIndex; names[master] != "" {
			ports[master] = append(ports[master], l.Attrs().Name)
		}
	}
	if len(ports) == 0 {
		return nil
	}
	var of []string
	for _, l := range links {
		if p := ports[l.Attrs().Index]; len(p) > 0 {
			of = append(of, fmt.Sprintf("%s (%d ports)", l.Attrs().Name, len(p)))
		}
	}
	return bridgeSentences(strings.Join(of, ", "))
}

func bridgeSentences(bridges string) []string {
	var found []string
	for _, s := range []struct{ setting, family string }{
		{"bridge-nf-call-iptables", "IPv4"}, {"bridge-nf-call-ip6tables", "IPv6"},
	} {
		switch procLine("/proc/sys/net/bridge/" + s.setting) {
		case "1":
		case "":
			return append(found, fmt.Sprintf("br_netfilter is not there: packets between ports of %s meet no ip, ip6 or inet rule, "+
				"only those of the bridge family; `modprobe br_netfilter` if they should", bridges))
		default:
			found = append(found, fmt.Sprintf("net.bridge.%s is 0: %s packets between ports of %s meet no ip, ip6 or inet rule, "+
				"only those of the bridge family; `sysctl -w net.bridge.%s=1` if they should", s.setting, s.family, bridges, s.setting))
		}
	}
	return found
}
