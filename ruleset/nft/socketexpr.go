package nft

import "github.com/pktrail/pktrail/ruleset"

// Socket loads something of the socket that the packet belongs to: NFT_SOCKET_*.
type Socket struct{ Dreg, Key, Level uint32 }

func decodeSocket(f *fields) Expr { return &Socket{Key: f.u32(1), Dreg: f.u32(2), Level: f.u32(3)} }

// Kind is the kernel's name of the expression.
func (e *Socket) Kind() string { return "socket" }

func (e *Socket) lift(l *lifter) {
	t := newSocket(e.Key, e.Level)
	if t == nil {
		l.keep("socket", "a key that is not known")
		return
	}
	l.set(registerOf(e.Dreg), t)
}

const socketCgroup = 3 // NFT_SOCKET_CGROUPV2

func newSocket(key, level uint32) *term {
	keys := [...]metaKey{{"transparent", typeInteger, 8, orderHost}, {"mark", typeMark, 32, orderHost},
		{"wildcard", typeInteger, 8, orderHost}, {"cgroupv2", typeCgroup, 64, orderHost}}
	if int(key) >= len(keys) {
		return nil
	}
	k := keys[key]
	return newLeaf(&socketLeaf{k.name, key == socketCgroup, level}, k.typ, k.order, k.bits)
}

type socketLeaf struct {
	name    string
	leveled bool
	level   uint32
}

func (s *socketLeaf) copied() leaf { return s }

func (s *socketLeaf) print(p *printer) {
	p.s("socket " + s.name)
	if s.leveled {
		p.s(" level ")
		p.n(uint64(s.level))
	}
}

// OSF guesses the sender's operating system by its SYN (NFT_OSF_F_VERSION).
type OSF struct {
	Dreg, Flags uint32
	TTL         uint8
}

func decodeOSF(f *fields) Expr { return &OSF{Dreg: f.u32(1), TTL: f.u8(2), Flags: f.u32(3)} }

// Kind is the kernel's name of the expression.
func (e *OSF) Kind() string { return "osf" }

func (e *OSF) lift(l *lifter) {
	word := "osf "
	switch e.TTL {
	case 1:
		word += "ttl loose "
	case 2:
		word += "ttl skip "
	}
	if e.Flags&1 != 0 {
		word += "version"
	} else {
		word += "name"
	}
	l.set(registerOf(e.Dreg), newLeaf(osfLeaf(word), typeString, orderHost, 128))
}

// osfLeaf is the guess, in the words that ask for it.
type osfLeaf string

func (s osfLeaf) copied() leaf     { return s }
func (s osfLeaf) print(p *printer) { p.s(string(s)) }

func (s osfLeaf) looksAt() (ruleset.Field, string) {
	return "", "guesses the sender's operating system"
}

// plainLeaf is a leaf that is its own text.
type plainLeaf string

func (s plainLeaf) copied() leaf     { return s }
func (s plainLeaf) print(p *printer) { p.s(string(s)) }
