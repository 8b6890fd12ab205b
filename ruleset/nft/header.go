package nft

// headerBase is the layer that the offset of a field counts from: one more than
// the kernel's NFT_PAYLOAD_* number.
type headerBase int

const (
	baseUnknown headerBase = iota
	baseLink
	baseNetwork
	baseTransport
	baseInner
)

// baseWords name the layers in `@th,16,16`.
var baseWords = [...]string{"invalid", "ll", "nh", "th", "ih"}

// protocol is what is known of a header.
type protocol struct {
	name   string
	id     uint32 // nft's number of it, in the user data of sets
	base   headerBase
	key    int // the field that tells the protocol of the next header; 0 for none
	bits   int // its length, of headers that may be stacked
	fields []field
}

// field is one field of a header; numbers count from 1, as nft's do, and
// fields[0] is empty.
type field struct {
	name   string
	typ    *dataType
	offset int // in bits
	bits   int
	icmp   icmpNeed
}

// icmpNeed says of which kind of ICMP message a field is.
type icmpNeed uint8

const (
	icmpAny icmpNeed = iota
	icmpEcho
	icmpMTU
	icmpAddress
	icmp6Echo
	icmp6MTU
	icmp6Pointer
	icmp6Query
)

// icmpType is the type that stands for the kind of message.
func (n icmpNeed) icmpType() uint8 {
	return [...]uint8{0, 8, 3, 5, 128, 2, 4, 130}[n]
}

func num(name string, offset, bits int) field { return field{name, typeInteger, offset, bits, icmpAny} }

func port(name string, offset int) field { return field{name, typeInetService, offset, 16, icmpAny} }

// at returns a field by its number; ok is false for a number of a newer nft.
func (h *protocol) at(n int) (field, bool) {
	if n < 1 || n >= len(h.fields) {
		return field{}, false
	}
	return h.fields[n], true
}

// headerByID finds a header by nft's own number.
func headerByID(id uint32) *protocol {
	for _, h := range allHeaders {
		if h.id == id {
			return h
		}
	}
	return nil
}

// Numbers of IP protocols that have headers here.
const (
	protoICMPNum    = 1
	protoIGMPNum    = 2
	protoTCPNum     = 6
	protoUDPNum     = 17
	protoDCCPNum    = 33
	protoESPNum     = 50
	protoAHNum      = 51
	protoICMP6Num   = 58
	protoCompNum    = 108
	protoSCTPNum    = 132
	protoUDPLiteNum = 136
)

// Numbers of Ethernet protocols.
const (
	etherIP   = 0x0800
	etherARP  = 0x0806
	etherVLAN = 0x8100
	etherIP6  = 0x86dd
	etherQinQ = 0x88a8
)

// upper finds the header that follows one by its protocol number (src/proto.c:
// proto_find_upper).
func (h *protocol) upper(n uint64) *protocol {
	switch h {
	case headIP, headIP6, headInetService:
		return transportHeader(n)
	case headAH, headComp:
		if n == protoICMPNum || n == protoIGMPNum || n == protoICMP6Num {
			return nil
		}
		return transportHeader(n)
	case headInet:
		switch n {
		case 2:
			return headIP
		case 10:
			return headIP6
		}
	case headEther, headVLAN, headNetdev:
		return etherUpper(n)
	}
	return nil
}

func transportHeader(n uint64) *protocol {
	switch n {
	case protoICMPNum:
		return headICMP
	case protoIGMPNum:
		return headIGMP
	case protoTCPNum:
		return headTCP
	case protoUDPNum:
		return headUDP
	case protoDCCPNum:
		return headDCCP
	case protoESPNum:
		return headESP
	case protoAHNum:
		return headAH
	case protoICMP6Num:
		return headICMP6
	case protoCompNum:
		return headComp
	case protoSCTPNum:
		return headSCTP
	case protoUDPLiteNum:
		return headUDPLite
	}
	return nil
}

func etherUpper(n uint64) *protocol {
	switch n {
	case etherIP:
		return headIP
	case etherARP:
		return headARP
	case etherIP6:
		return headIP6
	case etherVLAN, etherQinQ:
		return headVLAN
	}
	return nil
}
