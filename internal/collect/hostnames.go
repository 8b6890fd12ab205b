package collect

import (
	"bufio"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/ruleset/xt"
)

// hostNames reads the files by which iptables names numbers. A file that is
// not there gives no names, as for iptables.
func hostNames() *xt.Names {
	names := &xt.Names{
		Protocol: map[uint8]string{}, DeviceGroup: map[uint32]string{}, Realm: map[uint32]string{}, ConnLabel: map[uint16]string{},
	}
	readNames("/etc/protocols", func(words []string) {
		if n, err := strconv.ParseUint(words[1], 10, 8); err == nil {
			first(names.Protocol, uint8(n), words[0])
		}
	})
	readNames("/etc/iproute2/group", func(words []string) { iprouteName(names.DeviceGroup, words) })
	readNames("/etc/iproute2/rt_realms", func(words []string) { iprouteName(names.Realm, words) })
	readNames("/etc/xtables/connlabel.conf", func(words []string) {
		if n, err := strconv.ParseUint(words[0], 10, 7); err == nil {
			first(names.ConnLabel, uint16(n), words[1])
		}
	})
	return names
}

// first keeps the first of several names, as the C library and iptables do.
func first[K comparable](names map[K]string, n K, name string) {
	if _, known := names[n]; !known {
		names[n] = name
	}
}

// iprouteName takes a line of iproute2's: a number up to 255, then a name
// (libxtables/xtables.c: xtables_lmap_init).
func iprouteName(names map[uint32]string, words []string) {
	digits, base := words[0], 10
	if hex, ok := strings.CutPrefix(digits, "0x"); ok {
		digits, base = hex, 16
	}
	if n, err := strconv.ParseUint(digits, base, 8); err == nil {
		first(names, uint32(n), words[1])
	}
}

// maxNames bounds what is read of a file of names, in bytes.
const maxNames = 1 << 20

// readNames hands over the words of each line that has two or more.
func readNames(path string, line func(words []string)) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	in := bufio.NewScanner(io.LimitReader(f, maxNames))
	for in.Scan() {
		text, _, _ := strings.Cut(in.Text(), "#")
		if words := strings.Fields(text); len(words) >= 2 {
			line(words)
		}
	}
}
