package nft

import "strings"

// byteOrder is how the bytes of a value are to be read; what is not known is
// read as if it were in network byte order.
type byteOrder uint8

const (
	orderUnknown byteOrder = iota
	orderHost
	orderBig
)

// dataType is one of nft's types of values.
type dataType struct {
	id     uint32
	name   string
	order  byteOrder
	bits   int // 0: of no fixed size
	base   *dataType
	prefix bool // a mask over it is a prefix
	hex    int  // digits of its hexadecimal form; 0 for decimal
	names  []symbol
	print  func(*printer, *term)
	parts  []*dataType // of a concatenation
}

// symbol is a word for a value.
type symbol struct {
	name  string
	value uint64
}

// isBitmask: a value of it is printed flag by flag.
func (t *dataType) isBitmask() bool { return t.base != nil && t.base.id == idBitmask }

// root is the type that decides how a value without a name is printed.
func (t *dataType) root() *dataType {
	for t.base != nil {
		t = t.base
	}
	return t
}

func (t *dataType) isString() bool { return t.root().id == idString }

// The numbers of the types, which the kernel keeps with a set (NFTA_SET_KEY_TYPE)
// without looking at them: they are nft's own.
const (
	idInvalid = iota
	idVerdict
	idNFProto
	idBitmask
	idInteger
	idString
	idLLAddr
	idIPAddr
	idIP6Addr
	idEtherAddr
	idEtherType
	idARPOp
	idInetProto
	idInetService
	idICMPType
	idTCPFlag
	idDCCPType
	idMHType
	idTime
	idMark
	idIfIndex
	idARPHRD
	idRealm
	idClassID
	idUID
	idGID
	idCTState
	idCTDir
	idCTStatus
	idICMP6Type
	idCTLabel
	idPktType
	idICMPCode
	idICMPv6Code
	idICMPXCode
	idDevGroup
	idDSCP
	idECN
	idFIBAddr
	idBoolean
	idCTEvent
	idIfName
	idIGMPType
	idDate
	idHour
	idDay
	idCgroup
)

const (
	idBits = 6 // of each part in the number of a concatenation
	idMask = 1<<idBits - 1
)

// typeVerdictNumber is NFT_DATA_VERDICT.
const typeVerdictNumber = 0xffffff00

// typeByNumber finds the type of a set's key or data; nil when it is of a newer nft.
func typeByNumber(n uint32) *dataType {
	if n == typeVerdictNumber {
		return typeVerdict
	}
	if n > idMask {
		return concatType(n)
	}
	for _, t := range knownTypes {
		if t.id == n {
			return t
		}
	}
	return nil
}

// concatType takes the number of a concatenation apart, six bits a part.
func concatType(n uint32) *dataType {
	t := &dataType{id: n}
	var names []string
	for shift := 5 * idBits; shift >= 0; shift -= idBits {
		id := n >> shift & idMask
		if id == 0 && len(t.parts) == 0 {
			continue
		}
		if id == 0 { // a part whose type depends on the packet: nft ends here too
			break
		}
		part := typeByNumber(id)
		if part == nil {
			return nil
		}
		t.parts = append(t.parts, part)
		names = append(names, part.name)
		t.bits += paddedBits(part.bits)
	}
	t.name = strings.Join(names, " . ")
	return t
}

// joinType is the number of a concatenation with one more part.
func joinType(n uint32, part *dataType) uint32 { return n<<idBits | part.id }

// paddedBits rounds up to whole 32-bit registers.
func paddedBits(n int) int { return (n + 31) &^ 31 }

func bytesOf(bits int) int { return (bits + 7) / 8 }
