package logfile

import "time"

// idleAfter is how long a followed log is silent before that is said, so that
// what its last lines tell of can be told.
const idleAfter = time.Second

// idle watches how long nothing was heard.
type idle struct {
	after <-chan time.Time // nil where nobody waits
	timer *time.Timer
	since time.Time
}

func newIdle(on bool) *idle {
	w := &idle{}
	if on {
		w.timer = time.NewTimer(idleAfter)
		w.after, w.since = w.timer.C, time.Now()
	}
	return w
}

// heard starts the watch again after so many events; none are silence.
func (w *idle) heard(events int) {
	if w.timer != nil && events > 0 {
		w.since = time.Now()
		w.timer.Reset(idleAfter)
	}
}

func (w *idle) passed() time.Duration { return time.Since(w.since) }

func (w *idle) stop() {
	if w.timer != nil {
		w.timer.Stop()
	}
}
