package collect

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/snapshot"
	"github.com/pktrail/pktrail/ruleset"
)

// Logging reads everything that decides whether packets' lines reach a log:
// rules, loggers, the kernel's log and the programs that carry it on. The
// configuration files of those are read below root, "/" for this machine's own.
// What cannot be read says so in its value; an error means that not even the
// namespace could be asked.
func (h *Host) Logging(ctx context.Context, root string) (*snapshot.Logging, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := &snapshot.Logging{At: time.Now(), Container: container(root), AllNetns: allNetns(), Modules: logModules()}
	l.Netns = snapshot.Netns{Name: h.NS.Name, Inode: h.NS.Inode}
	err := h.NS.Do(func() error {
		l.Netns.First = firstNetns()
		l.Families = logFamilies()
		l.Groups = logGroups()
		l.Kernel.LogInvalid = procValue("/proc/sys/net/netfilter/nf_conntrack_log_invalid", asItIs)
		return h.logRules(ctx, l)
	})
	if err != nil {
		return nil, fmt.Errorf("read how namespace %s logs: %w", h.NS.Name, err)
	}
	kernelLog(&l.Kernel)
	logDaemons(l, root)
	return l, nil
}

const (
	allNetnsPath = "/proc/sys/net/netfilter/nf_log_all_netns"
	nfLogDir     = "/proc/sys/net/netfilter/nf_log"
	nfLogPath    = "/proc/thread-self/net/netfilter/nf_log"
)

// firstNetns tells the namespace that the kernel started with, which alone has
// the setting that is for all (net/netfilter/nf_log.c: netfilter_log_sysctl_init).
func firstNetns() snapshot.Value[bool] {
	if exists(allNetnsPath) {
		return snapshot.Known(true)
	}
	if !exists(nfLogDir) {
		return snapshot.Unknown[bool]("this kernel shows no " + nfLogDir)
	}
	return snapshot.Known(false)
}

// allNetns reads the setting from whichever namespace shows it: our own, that of
// process 1, or that of the kernel's own threads.
func allNetns() snapshot.Value[bool] {
	if exists(allNetnsPath) {
		return procValue(allNetnsPath, flag)
	}
	var why error
	for _, path := range []string{"/proc/1/ns/net", "/proc/2/ns/net"} {
		ns, err := netns.Open(path)
		if err != nil {
			why = errors.Join(why, err)
			continue
		}
		v := snapshot.Unknown[bool]("")
		err = ns.Do(func() error {
			v = procValue(allNetnsPath, flag)
			return nil
		})
		_ = ns.Close()
		if v.Known {
			return v
		}
		why = errors.Join(why, err)
	}
	return snapshot.Unknown[bool](oneLine("only the first network namespace shows it, and that cannot be entered from here", why))
}

// oneLine joins words and the errors behind them.
func oneLine(words string, err error) string {
	if err == nil {
		return words
	}
	return words + ": " + strings.ReplaceAll(err.Error(), "\n", "; ")
}

// logFamilies reads the loggers of the families whose packets rules can log.
func logFamilies() []snapshot.LogFamily {
	registered := registeredLoggers()
	var all []snapshot.LogFamily
	for _, fam := range []ruleset.Family{ruleset.IP, ruleset.IP6, ruleset.ARP, ruleset.Bridge, ruleset.Netdev} {
		f := snapshot.LogFamily{Family: fam, Registered: snapshot.Unknown[[]string](registered.Why)}
		f.Active = procValue(filepath.Join(nfLogDir, strconv.Itoa(int(fam))), asItIs)
		if names, ok := registered.Is[fam]; ok {
			f.Registered = snapshot.Known(names)
		}
		all = append(all, f)
	}
	return all
}

// registeredLoggers reads lines such as ` 2 nf_log_ipv4 (nf_log_ipv4,nfnetlink_log)`
// (net/netfilter/nf_log.c: seq_show).
func registeredLoggers() snapshot.Value[map[ruleset.Family][]string] {
	b, err := os.ReadFile(nfLogPath)
	if err != nil {
		return snapshot.Unknown[map[ruleset.Family][]string](err.Error())
	}
	found := map[ruleset.Family][]string{}
	for line := range strings.Lines(string(b)) {
		words := strings.Fields(line)
		if len(words) < 3 {
			continue
		}
		n, err := strconv.ParseUint(words[0], 10, 8)
		if err != nil {
			continue
		}
		names := strings.FieldsFunc(words[2], func(r rune) bool { return strings.ContainsRune("(),", r) })
		found[ruleset.Family(n)] = names
	}
	return snapshot.Known(found)
}

// logModules are the modules that packet lines come from.
func logModules() []snapshot.Module {
	var all []snapshot.Module
	for _, name := range []string{"nf_log_syslog", "nfnetlink_log", "xt_LOG", "xt_NFLOG", "xt_TRACE", "nft_log"} {
		all = append(all, snapshot.Module{Name: name, State: moduleState(name)})
	}
	return all
}

func moduleState(name string) snapshot.ModuleState {
	if !exists("/proc/modules") {
		return snapshot.ModuleUnknown
	}
	if inProcModules(name) {
		return snapshot.ModuleLoaded
	}
	switch builtin, known := amongBuiltin(name); {
	case builtin:
		return snapshot.ModuleBuiltIn
	case known:
		return snapshot.ModuleAbsent
	}
	return snapshot.ModuleUnknown
}

// container looks for what container runtimes leave behind.
func container(root string) string {
	for _, path := range []string{"/.dockerenv", "/run/.containerenv", "/run/systemd/container"} {
		if exists(filepath.Join(root, path)) {
			return path
		}
	}
	b, _ := os.ReadFile("/proc/self/cgroup")
	for _, word := range []string{"kubepods", "docker", "containerd", "libpod", "lxc"} {
		if strings.Contains(string(b), word) {
			return "/proc/self/cgroup: " + word
		}
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// procValue reads the first line of a file of /proc.
func procValue[T any](path string, parse func(string) (T, error)) snapshot.Value[T] {
	b, err := os.ReadFile(path)
	if err != nil {
		return snapshot.Unknown[T](err.Error())
	}
	line, _, _ := strings.Cut(string(b), "\n")
	v, err := parse(strings.TrimSpace(line))
	if err != nil {
		return snapshot.Unknown[T](fmt.Sprintf("%s: %v", path, err))
	}
	return snapshot.Known(v)
}

func asItIs(s string) (string, error) { return s, nil }

func flag(s string) (bool, error) { return s != "0", nil }

// firstNumber reads the first of the numbers of kernel.printk.
func firstNumber(s string) (int, error) {
	words := strings.Fields(s)
	if len(words) == 0 {
		return 0, errors.New("it is empty")
	}
	return strconv.Atoi(words[0])
}

func kernelLog(k *snapshot.KernelLog) {
	k.ConsoleLevel = procValue("/proc/sys/kernel/printk", firstNumber)
	k.DmesgRestrict = procValue("/proc/sys/kernel/dmesg_restrict", flag)
	k.RateInterval = procValue("/proc/sys/kernel/printk_ratelimit", firstNumber)
	k.RateBurst = procValue("/proc/sys/kernel/printk_ratelimit_burst", firstNumber)
	k.RingBytes = ringBytes()
	k.Ring = readRing("/dev/kmsg")
}

// ringBytes asks syslog(2) for the size of the kernel's log.
func ringBytes() snapshot.Value[int] {
	const sizeBuffer = 10 // SYSLOG_ACTION_SIZE_BUFFER
	n, err := unix.Klogctl(sizeBuffer, nil)
	if err != nil {
		return snapshot.Unknown[int]("ask for the size of the kernel's log: " + err.Error())
	}
	return snapshot.Known(n)
}
