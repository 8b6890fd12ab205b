package journey

import "net/netip"

// ExpectSchema and ExpectEventSchema name the JSON forms of an Expect and an
// ExpectEvent.
const (
	ExpectSchema      = "pktrail/expect/v1"
	ExpectEventSchema = "pktrail/expect-event/v1"
)

// Expect is a flow that a helper waits for, because of what it saw in another.
// What the kernel did not say of it is absent.
type Expect struct {
	Schema string  `json:"schema"`
	Netns  *Netns  `json:"netns,omitzero"`
	ID     *uint32 `json:"id,omitzero"` // the kernel's, unique among those that stand at the same time
	Family string  `json:"family"`      // ipv4, ipv6, or unknown
	Proto  string  `json:"proto,omitzero"`

	Tuple  FlowSide `json:"tuple"`  // what the first packet has, as far as the mask goes
	Mask   FlowSide `json:"mask"`   // which bits of the tuple count: of an end that may be any, none
	Master FlowSide `json:"master"` // original direction of the flow that it is because of

	Timeout *uint32    `json:"timeout,omitzero"` // seconds until it goes if the flow does not come
	Helper  string     `json:"helper,omitzero"`
	Zone    *uint16    `json:"zone,omitzero"`
	Flags   []string   `json:"flags,omitzero"` // PERMANENT, INACTIVE, USERSPACE
	Class   *uint32    `json:"class,omitzero"` // the helper's own number
	Func    string     `json:"func,omitzero"`  // of the kernel, that is called for the new flow
	NAT     *ExpectNAT `json:"nat,omitzero"`

	Unknown []FlowAttr `json:"unknown,omitzero"` // what this version does not know
}

// ExpectNAT is how the flow will be translated.
type ExpectNAT struct {
	Direction string      `json:"direction"` // orig or reply: whose source it is
	Src       *netip.Addr `json:"src,omitzero"`
	SrcPort   *uint16     `json:"sport,omitzero"`
}

// ExpectEvent is something that happened to an expectation. Its flow having come
// ends one, as its time does.
type ExpectEvent struct {
	Schema string     `json:"schema"`
	Time   Time       `json:"time"` // of receipt
	Event  FlowChange `json:"event"`
	PortID *uint32    `json:"portid,omitzero"` // netlink port of the program whose doing it was; absent where it was the kernel's own
	Expect Expect     `json:"expect"`
}
