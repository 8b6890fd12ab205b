// Package bench measures pktrail against the tools that people use today, and
// against the numbers that it promises. It is tests only:
//
//	go test -v -count 1 -timeout 60m -run TestNumbers ./internal/bench -full
//	go test -count 1 -run '^$' -bench . -benchmem ./internal/bench
//
// The first prints one table: what was measured, the peer's number and ours of
// the same run, their ratio, how far the rounds were apart, the target, and
// whether it was reached. Peer and pktrail take turns, so that what else the
// machine does hits both. Without -full the same code runs for a few seconds
// and shows only that it still works. No number fails the test; a journey that
// claims more than is true does.
//
// The packets come from a sender of our own on one core: a packet socket in the
// lab's client namespace, without a queue, so that the router's whole work on a
// packet is done in the sender's own system call.
package bench
