// Package ctcli is the command line of conntrack(8), version 1.4.7: its options,
// its output and its messages, as they are, so that what people and scripts know
// goes on to hold. It is another program than conntrack: the table is read, and
// lines are made, on two goroutines, the kernel looks for what is asked for, and
// no event is lost for want of speed.
//
// What conntrack says of a situation is said here in its words, its slips of the
// pen included.
package ctcli
