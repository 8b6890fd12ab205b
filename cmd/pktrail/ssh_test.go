package main

import (
	"testing"

	"github.com/pktrail/pktrail/internal/match"
)

func TestSSHWarning(t *testing.T) {
	const connection = "192.0.2.7 50022 198.51.100.1 22"
	for _, c := range []struct {
		args []string
		want bool
	}{
		{nil, true},
		{[]string{"-p", "tcp"}, true},
		{[]string{"-p", "tcp", "--sport", "22"}, true},
		{[]string{"-s", "198.51.100.0/24"}, true},
		{[]string{"-p", "udp"}, false},
		{[]string{"-6"}, false},
		{[]string{"!", "-s", "192.0.2.7", "!", "-d", "192.0.2.7"}, false},
		{[]string{"-p", "tcp", "--syn"}, false},
	} {
		m, _, err := match.Parse(c.args)
		if err != nil {
			t.Fatal(err)
		}
		if got := sshWarning(&m, connection); (got != "") != c.want {
			t.Errorf("%q: got %q, want a warning: %v", c.args, got, c.want)
		}
		if got := sshWarning(&m, "broken"); got != "" {
			t.Errorf("of a broken variable: %q", got)
		}
	}
}
