// Package ctcli is the command line of conntrack(8), version 1.4.7: its options,
// its output and its messages, as they are, so that what people and scripts know
// goes on to hold. It is another program than conntrack: the table is read, and
// lines are made, on two goroutines, the kernel looks for what is asked for, and
// no event is lost for want of speed.
//
// What 1.4.8 mended is mended here too, where 1.4.7 has no output of its own that
// scripts could know: -U without a family, -U and -D of entries that go meanwhile,
// and a -u behind -m. -A of an entry that is there leaves it as it is.
//
// What conntrack says of a situation is said here in its words, its slips of the
// pen included.
package ctcli
