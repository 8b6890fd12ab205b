package ctcli_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
)

// result is what a run of a program came to.
type result struct {
	Status      int
	Out, Errors string
}

// twin is two namespaces, in which the same is done by conntrack and by us.
type twin struct {
	real, ours *netns.NS
	tool       string
}

func newTwin(t testing.TB) *twin {
	t.Helper()
	tool, err := exec.LookPath("conntrack")
	if err != nil {
		lab.Lacks(t, "no conntrack to compare with: try sudo apt-get install -y conntrack")
	}
	if out, err := exec.Command(tool, "-V").Output(); err != nil || !strings.Contains(string(out), "v1.4.7 ") {
		lab.Lacks(t, fmt.Sprintf("the reference is conntrack 1.4.7, not %s %v", out, err))
	}
	w := &twin{tool: tool}
	for _, ns := range []**netns.NS{&w.real, &w.ours} {
		if *ns, err = netns.New(t.Name()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = (*ns).Close() })
	}
	return w
}

// run runs a program in a namespace. Both are called by the name conntrack.
func run(t testing.TB, ns *netns.NS, program, stdin string, args ...string) (r result) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Args[0] = "conntrack"
	cmd.Env = append(os.Environ(), asProgram+"=1")
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err := ns.Do(cmd.Run)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// both compares one command; kernel ids, which differ between namespaces, and
// remaining times are taken out.
func (w *twin) both(t testing.TB, stdin string, args ...string) result {
	t.Helper()
	want := normal(run(t, w.real, w.tool, stdin, args...))
	got := normal(run(t, w.ours, "/proc/self/exe", stdin, args...))
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("conntrack %s:\n%s", strings.Join(args, " "), d)
	}
	return got
}

var (
	remaining = regexp.MustCompile(`(?m)^(\s*\[?[A-Z]*\]?\s*(?:ipv[46] +\d+ )?\S+ +\d+) \d+ |(<timeout>)\d+|(-t )\d+`)
	ids       = regexp.MustCompile(`\bid=\d{4,}|<id>\d+|portid=\d+( progname=\S+)?|delta-time=\d+|<deltatime>\d+|\[(start|stop)=[^]]*\]|<(start|stop)>\d+|cpu=\d.*`)
)

func normal(r result) result {
	lines := strings.Split(r.Out, "\n")
	for i, l := range lines {
		lines[i] = ids.ReplaceAllString(remaining.ReplaceAllString(l, "$1$2$3 T "), "#")
	}
	slices.Sort(lines) // the order of a dump is that of a hash
	r.Out = strings.Join(lines, "\n")
	return r
}

func words(line string) []string { return strings.Fields(line) }

// makes are commands that make entries of every protocol, in both families, with
// all that can be said of one.
var makes = []string{
	"-I -t 3000 -s 10.0.0.1 -d 10.0.0.2 -p tcp --sport 1000 --dport 80 --state ESTABLISHED -u SEEN_REPLY,ASSURED",
	"-I -t 3000 -s 10.0.0.1 -d 10.0.0.2 -p tcp --sport 1001 --dport 80 --state TIME_WAIT -u ASSURED -m 0xff",
	"-I -t 3000 -s 10.0.0.1 -d 10.0.0.2 -p tcp --sport 1002 --dport 80 --state SYN_SENT --src-nat 192.0.2.1:5000",
	"-I -t 3000 -s 10.0.0.1 -d 10.0.0.2 -p tcp --sport 1003 --dport 80 --state SYN_RECV --dst-nat 192.0.2.2:8080 -n 192.0.2.9",
	"-I -t 3000 -s 10.0.0.1 -d 10.0.0.2 -p udp --sport 1004 --dport 53 -w 7 -m 5",
	"-I -t 3000 -s 10.0.0.1 -d 10.0.0.2 -p udp --sport 1004 --dport 53 --orig-zone 8",
	"-I -t 3000 -s 10.0.0.3 -d 10.0.0.2 -p udp --sport 1004 --dport 53 --reply-zone 9 -u FIXED_TIMEOUT",
	"-I -t 3000 -s 10.0.0.1 -d 10.0.0.2 -p udplite --sport 1005 --dport 54",
	"-I -t 3000 -s 10.0.0.1 -d 10.0.0.2 -p sctp --sport 1006 --dport 55 --state ESTABLISHED --orig-vtag 17 --reply-vtag 18",
	"-I -t 3000 -s 10.0.0.1 -d 10.0.0.2 -p dccp --sport 1007 --dport 56 --state OPEN --role client",
	"-I -t 3000 -s 10.0.0.1 -d 10.0.0.2 -p gre --srckey 0x10 --dstkey 17",
	"-I -t 3000 -s 10.0.0.1 -d 10.0.0.2 -p icmp --icmp-type 8 --icmp-code 0 --icmp-id 1226",
	"-I -t 3000 -s 10.0.0.1 -d 10.0.0.2 -r 10.0.0.2 -q 10.0.0.1 -p 132 --sport 5 --dport 6 --reply-port-src 6 --reply-port-dst 5 --state CLOSED --orig-vtag 1 --reply-vtag 2",
	"-I -t 3000 -s 10.0.0.1 -d 10.0.0.2 -p esp",
	"-I -t 3000 -r 10.0.0.1 -q 10.0.0.2 -p udp --reply-port-src 9 --reply-port-dst 10",
	"-I -t 3000 -s 2001:db8::1 -d 2001:db8::2 -p tcp --sport 1000 --dport 80 --state CLOSE_WAIT",
	"-I -t 3000 -s 2001:db8::1 -d 2001:db8::2 -p udp --sport 1000 --dport 80 -n 2001:db8::9",
	"-I -t 3000 -s 2001:db8::1 -d 2001:db8::2 -p icmpv6 --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 7",
	"-I -t 3000 -s ::1.2.3.4 -d ::ffff:1.2.3.4 -p sctp --sport 1 --dport 2 --state COOKIE_WAIT --orig-vtag 3 --reply-vtag 4",
	"-I -t 3000 -s 0x7f.1 -d 010.1 -p 200",
	"-A -t 3000 -s 10.0.0.1 -d 10.0.0.2 -p esp",
	"-A -t 3000 -s 10.0.0.5 -d 10.0.0.2 -p esp",
}

// asks are commands that change nothing.
var asks = []string{
	"-L", "-L conntrack", "-L -o extended", "-L -o id", "-L -o id,extended,ktimestamp,timestamp", "-L -o xml", "-L -o xml,id,extended,ktimestamp",
	"-L -o save", "-L -o e", "-L -o labels", "-L -f ipv4", "-L -f ipv6 -o extended", "-L -p tcp", "-L -p TCP --state TIME_WAIT", "-L -p tcp --dport 80 --sport 1001",
	"-L -p sctp --state ESTABLISHED", "-L -p gre --srckey 99", "-L -p icmp --icmp-id 1226", "-L -p icmp --icmp-id 1", "-L -p 17", "-L -p esp", "-L -p 200",
	"-L -s 10.0.0.1", "-L -s 10.0.0.0/8", "-L -s 10.0.0.3/31", "-L -d 10.0.0.2 --mask-dst 255.255.255.0", "-L -s 2001:db8::1", "-L -s 2001:db8::/32 -o extended",
	"-L -s 2001:db8::7", "-L -r 10.0.0.2", "-L -q 192.0.2.1", "-L -w 7", "-L -w 0", "-L --orig-zone 8", "-L --reply-zone 9", "-L --zone 8",
	"-L -m 5", "-L -m 0", "-L -m 0xf/0xf", "-L -m 5/1", "-L -m 0/0", "-L -u ASSURED", "-L -u SEEN_REPLY,ASSURED", "-L -u UNSET", "-L -u UNREPLIED",
	"-L -u !ASSURED", "-L -u ASSURED,!SEEN_REPLY", "-L -u FIXED", "-L -u SRC_NAT", "-L -n", "-L -g", "-L -j", "-L -n 192.0.2.1", "-L -n 192.0.2.1:5000", "-L -n 192.0.2.1:5001",
	"-L -g 192.0.2.2", "-L --any-nat 192.0.2.9", "-L -n 2001:db8::9", "-L -n 2001:db8::77", "-L -n -g", "-L -i 1", "-L dying", "-L unconfirmed", "-L d",
	"-G -s 10.0.0.1 -d 10.0.0.2 -p tcp --sport 1000 --dport 80", "-G -s 10.0.0.1 -d 10.0.0.2 -p tcp --sport 1000 --dport 80 --state CLOSE -o xml",
	"-G -s 10.0.0.1 -d 10.0.0.2 -p udp --sport 1 --dport 2", "-G -s 10.0.0.1 -d 10.0.0.2 -p icmp --icmp-type 8 --icmp-code 0 --icmp-id 1226 -o id,extended",
	"-G -r 10.0.0.2 -q 10.0.0.1 -p tcp --reply-port-src 80 --reply-port-dst 1000", "-G -s 2001:db8::1 -d 2001:db8::2 -p tcp --sport 1000 --dport 80 -o save",
	"-C", "-C expect", "-S", "-S expect", "-L expect", "-L expect -o xml", "-V", "-h", "-h -p tcp", "-h -p sctp", "-h -p igmp", "-h -p 200", "",
}

// mistakes are commands that are refused.
var mistakes = []string{
	"-s 1.1.1.1", "-L -L", "-L -G", "-L foo", "-D dying", "-U expect", "-A expect", "--xyz", "--orig", "--dum", "-L --orig-s 1.1.1.1", "-L --sta ASSURED", "-x", "-Lx", "-L -s", "-L --src",
	"-L -s 1.2.3", "-L -s 1.2.3.4.5", "-L -s 1.1.1.1/33", "-L -s 1.1.1.1/", "-L -s 1.1.1.1/x", "-L -s fe80::1%1", "-L -r 1.1.1.1/8", "-L -s ::/129", "-L -s 1.1.1.1 -d ::1",
	"-L -f ipv5", "-L -f ipv4 -s ::1", "-L -p foo", "-L -p 256", "-L -p -1", "-L -p tcp --state FOO", "-L -p dccp --role x",
	"-L -o foo", "-L -o xml,", "-L -o save,xml", "-L -u FOO", "-L -u ,", "-L -u !", "-L -e NEW", "-L -z -p tcp", "-L -t 5", "-L --mask-src 255.0.0.0", "-L --dst-nat --any-nat",
	"-L -n 1.1.1.1:", "-L -n 1.1.1.1:99999", "-L -n 1.1.1.1:x", "-L -n []:5", "-L -n [::1", "-L -n [::1]", "-L -n 1.1.1.0/24", "-L -l nothing", "-L --label-add x", "-U --label-add x --label-del y",
	"-I", "-I -s 1.1.1.1 -d 2.2.2.2 -p udp --sport 1 --dport 2", "-I -t 5 -s 1.1.1.1 -p udp --sport 1 --dport 2", "-I -t 5 -p udp", "-I -t 5 -r 1.1.1.1 -p udp",
	"-I -t 5 -s 1.1.1.1 -d 2.2.2.2 -p udp --sport 1", "-I -t 5 -s 1.1.1.1 -d 2.2.2.2 -p udp --reply-port-src 1", "-I -t 5 -s 1.1.1.1 -d 2.2.2.2 -p gre --srckey 1",
	"-I -t 5 -s 1.1.1.1 -d 2.2.2.2 -p dccp --reply-port-src 1 --state OPEN --role client", "-I -t 5 -s 1.1.1.1 -d 2.2.2.2 -p tcp --sport 1 --dport 2", "-I -t 5 -s 1.1.1.1 -d 2.2.2.2 -p icmp --icmp-type 8",
	"-I -t 5 -s 1.1.1.1 -d 2.2.2.2 -p icmp --icmp-type 3 --icmp-code 0", "-I -t 5 -s 1.1.1.1 -d 2.2.2.2 -r 2.2.2.2 -q 1.1.1.1 -p udp --sport 1 --dport 2",
	"-G", "-G -s 1.1.1.1 -p tcp", "-G -p tcp -s 1.1.1.1 -d 2.2.2.2", "-F -s 1.1.1.1", "-C -p tcp", "-S -o xml", "-E -t 5", "-D -o foo", "-D -e ALL", "-R", "-R /nonexistent", "-a",
	"-I expect -p tcp", "-D expect -s 1.1.1.1 -d 2.2.2.2 -p tcp --sport 1 --dport 2 --reply-port-src 1 --reply-port-dst 2", "-G expect -s 1.1.1.1 -d 2.2.2.2 -p udp --sport 1 --dport 2 --reply-port-src 1 --reply-port-dst 2",
	"-- -L", "-L -- -G", "foo -L bar", "-sL", "-L -s1.1.1.1 -d=2.2.2.2",
}

// changes are commands that change entries, in this order.
var changes = []string{
	"-U -p udp --dport 53 -s 10.0.0.1 -m 4", "-D -w 7", "-D --orig-zone 8", "-D --reply-zone 9",
	"-U -f ipv4 -p tcp --sport 1000 --dport 80 -m 7", "-U -s 10.0.0.1 -m 7", "-U -s 10.0.0.1 -m 7", "-U -s 10.0.0.1 -m 0x10/0xf0 -o id,extended", "-U -p tcp -s 10.0.0.1 --dport 80 --state CLOSE -t 5000",
	"-U -s 10.0.0.1 -p udp -u ASSURED", "-U -s 2001:db8::1 -t 4000 -o xml", "-U -s 10.0.0.1 -p sctp -u SEEN_REPLY -o save", "-U -s 10.9.9.9 -m 1", "-U -f ipv6 -m 3", "-U -s 10.0.0.0/24 -m 9",
	"-U -s 10.0.0.1 --src-nat 192.0.2.1 -m 4", "-D -i 5", "-D -p gre", "-D -m 9 -p tcp -o xml", "-D -s 2001:db8::1 -p tcp -o id", "-D -u SEEN_REPLY -p sctp -o extended",
	"-D -f ipv6 -o save", "-D -s 10.9.9.9", "-D --src-nat", "-L -z", "-D -p esp", "-L", "-F", "-L", "-F -f ipv6",
	"-I -t 3000 -s 10.0.0.1 -d 10.0.0.2 -p tcp --sport 1000 --dport 21 --state ESTABLISHED",
	"-I expect -t 3000 -s 10.0.0.1 -d 10.0.0.2 -p tcp --sport 1000 --dport 21 --tuple-src 10.0.0.2 --tuple-dst 10.0.0.1 --mask-src 255.255.255.255 --mask-dst 255.255.255.255 --tuple-port-src 0 --tuple-port-dst 2000 --mask-port-src 0 --mask-port-dst 65535",
	"-F expect", "-D",
}

func TestAsConntrack(t *testing.T) {
	w := newTwin(t)
	for _, m := range mistakes {
		w.both(t, "", words(m)...)
	}
	for _, m := range makes {
		w.both(t, "", words(m)...)
	}
	for _, a := range asks {
		w.both(t, "", words(a)...)
	}
	for _, c := range changes {
		if strings.HasPrefix(c, "-U") {
			w.updates(t, words(c)...)
			continue
		}
		w.both(t, "", words(c)...)
	}
}

// updates compares an update. Of several entries conntrack leaves some out, whose
// answer it takes for another's; what it shows is to be among what we show.
func (w *twin) updates(t testing.TB, args ...string) {
	t.Helper()
	want := normal(run(t, w.real, w.tool, "", args...))
	got := normal(run(t, w.ours, "/proc/self/exe", "", args...))
	shown := strings.Split(got.Out, "\n")
	for _, line := range strings.Split(want.Out, "\n") {
		if !slices.Contains(shown, line) {
			t.Errorf("conntrack %s: not shown: %s in\n%s", strings.Join(args, " "), line, got.Out)
		}
	}
	if got.Status != want.Status || got.Errors != want.Errors {
		t.Errorf("conntrack %s: status %d %s, want %d %s", strings.Join(args, " "), got.Status, got.Errors, want.Status, want.Errors)
	}
}

func TestFileAsConntrack(t *testing.T) {
	w := newTwin(t)
	all := strings.Join(makes[:len(makes)-3], "\n") + "\n"
	for _, text := range []string{
		"", "\n", "# nothing\n   \n", all, all, "-A -t 3000 -s 1.1.1.1 -d 2.2.2.2 -p esp", "  -D -s \"1.1.1.1\" # more\n", "-D -w 99\n", "-L\n", "-L expect\n-D\n", "-V\n", "-F -s 1.1.1.1\n", "-x\n",
		"-D -s 10.0.0.1 -p \"t\\cp\" extra \"\"\n-F\n", "-s 1.1.1.1\n", strings.Repeat("x ", 300) + "\n", strings.Repeat("y", 1100) + "\n",
	} {
		w.both(t, text, "-R", "-")
		w.both(t, "", "-L")
	}
}

// TestSaved: what -o save writes makes the same entries again, as far as that
// form goes: it has no marks, no translated ports, and no state where the kernel
// knows none.
func TestSaved(t *testing.T) {
	w := newTwin(t)
	for _, m := range makes {
		if !strings.Contains(m, "dccp") && !strings.Contains(m, ":8080") && !strings.Contains(m, ":5000") {
			run(t, w.ours, "/proc/self/exe", "", words(m)...)
		}
	}
	saved := run(t, w.ours, "/proc/self/exe", "", "-L", "-o", "save")
	if r := run(t, w.real, "/proc/self/exe", saved.Out, "-R", "-"); r.Status != 0 {
		t.Fatalf("%+v", r)
	}
	again := run(t, w.real, "/proc/self/exe", "", "-L", "-o", "save")
	if d := cmp.Diff(normal(saved), normal(again)); d != "" || len(saved.Out) < 1000 {
		t.Error(d)
	}
}

// TestWithoutRights: what is said to those who may not ask, and what they may read
// all the same.
func TestWithoutRights(t *testing.T) {
	w := newTwin(t)
	real, ours := calledConntrack(t, w.tool), calledConntrack(t, "/proc/self/exe")
	for _, line := range []string{"-C", "-C expect", "-S", "-S expect", "-L", "-L expect", "-D", "-F", "-E", "-E expect", "-U -s 1.1.1.1 -m 1", "-G -s 1.1.1.1 -d 2.2.2.2 -p esp"} {
		script := "exec setpriv --bounding-set=-all --inh-caps=-all conntrack " + line
		want, got := normal(shell(t, w.real, real, script)), normal(shell(t, w.ours, ours, script))
		if d := cmp.Diff(want, got); d != "" || want.Status != 1 {
			t.Errorf("%s:\n%s", line, d)
		}
	}
}
