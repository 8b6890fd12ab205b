package lab

import "time"

// Patience is how long a test waits for what must come. It only bounds a hang: no
// machine is so busy that it takes that long.
const Patience = time.Minute

// Await blocks until nothing is missing any more, and fails the test with what is
// missing when that takes longer than Patience.
func Await(t TB, missing func() string) {
	t.Helper()
	for end := time.Now().Add(Patience); ; time.Sleep(2 * time.Millisecond) {
		what := missing()
		if what == "" {
			return
		}
		if time.Now().After(end) {
			t.Fatal("waited in vain: " + what)
		}
	}
}
