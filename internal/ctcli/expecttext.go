package ctcli

import (
	"strings"

	"github.com/pktrail/pktrail/conntrack"
)

// AppendExpect appends an expectation, or an event about one, without a newline.
func (f *Format) AppendExpect(b []byte, k conntrack.Kind, e *conntrack.Expect) []byte {
	if f.XML {
		return f.appendExpectXML(b, k, e)
	}
	b = append(b, eventWord(k)...)
	if e.Has&conntrack.HasExpectTimeout != 0 {
		b = appendNumber(b, "", uint64(e.Timeout))
	}
	b = appendNumber(b, "proto=", uint64(e.Tuple.Proto))
	for _, t := range [...]struct {
		tuple    *conntrack.Tuple
		src, dst string
	}{{&e.Tuple, "src=", "dst="}, {&e.Mask, "mask-src=", "mask-dst="}, {&e.Master, "master-src=", "master-dst="}} {
		b = appendAddrs(b, e.Family, t.tuple, t.src, t.dst)
		b = appendPorts(b, t.tuple)
	}
	if e.Has&conntrack.HasExpectZone != 0 {
		b = appendNumber(b, "zone=", uint64(e.Zone))
	}
	if e.Flags != 0 {
		b = appendWord(b, "", strings.Join(expectFlags(e.Flags, ""), ","))
	}
	if e.Has&conntrack.HasExpectClass != 0 {
		b = appendNumber(b, "class=", uint64(e.Class))
	}
	if e.Has&conntrack.HasExpectHelper != 0 {
		b = append(append(b, "helper="...), e.Helper...)
	}
	return []byte(strings.TrimSuffix(string(b), " "))
}

// expectFlags are the names of the flags that are set; in XML they are tags.
func expectFlags(flags uint32, form string) (names []string) {
	for i, name := range [...]string{"PERMANENT", "INACTIVE", "USERSPACE"} {
		switch {
		case flags&(1<<i) == 0:
		case form == "":
			names = append(names, name)
		default:
			names = append(names, "<"+strings.ToLower(name)+"/>")
		}
	}
	return names
}

func (f *Format) appendExpectXML(b []byte, k conntrack.Kind, e *conntrack.Expect) []byte {
	tuples := [...]struct {
		tag   string
		tuple *conntrack.Tuple
	}{{"expected", &e.Tuple}, {"mask", &e.Mask}, {"master", &e.Master}}
	b = append(b, flowTag(k)...)
	b = appendLayer(b, "layer3", uint8(e.Family), layer3Name(e.Family))
	for _, t := range tuples {
		b = openTag(b, t.tag)
		b = appendAddrXML(b, "src", t.tuple.Src, e.Family)
		b = appendAddrXML(b, "dst", t.tuple.Dst, e.Family)
		b = closeTag(b, t.tag)
	}
	b = append(b, "</layer3>"...)
	b = appendLayer(b, "layer4", e.Tuple.Proto, layer4Name(e.Tuple.Proto))
	for _, t := range tuples {
		b = openTag(b, t.tag)
		b = appendPortsXML(b, t.tuple)
		b = closeTag(b, t.tag)
	}
	b = append(b, "</layer4>"...)
	b = f.appendExpectMeta(b, e)
	return append(b, "</flow>"...)
}

func (f *Format) appendExpectMeta(b []byte, e *conntrack.Expect) []byte {
	b = append(b, "<meta>"...)
	if e.Has&conntrack.HasExpectHelper != 0 {
		b = appendTag(b, "helper-name", e.Helper)
	}
	if e.Has&conntrack.HasExpectTimeout != 0 {
		b = appendTagNumber(b, "timeout", uint64(e.Timeout))
	}
	if e.Has&conntrack.HasExpectClass != 0 {
		b = appendTagNumber(b, "class", uint64(e.Class))
	}
	if e.Has&conntrack.HasExpectZone != 0 {
		b = appendTagNumber(b, "zone", uint64(e.Zone))
	}
	if f.When {
		b = appendWhen(b, f.Now())
	}
	b = append(b, strings.Join(expectFlags(e.Flags, "xml"), "")...)
	return append(b, "</meta>"...)
}
