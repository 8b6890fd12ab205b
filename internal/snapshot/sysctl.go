package snapshot

// Sysctls is the settings of one network namespace, as they stand and as the
// configuration of the host wants them.
type Sysctls struct {
	Netns Netns    `json:"netns"`
	Keys  []Sysctl `json:"keys"` // those that are there, by path
	// Config is what the kernel's command line and systemd-sysctl's files say, in
	// the order in which they are applied: the files that others mask are left out.
	Config []ConfigLine `json:"config"`
	// Unlinked is /etc/sysctl.conf where no link leads to it from a folder that
	// systemd-sysctl reads: `sysctl --system` alone reads it then.
	Unlinked []ConfigLine `json:"unlinked"`
	Unread   []string     `json:"unread"` // files that could not be read, and why
	Facts    SysctlFacts  `json:"facts"`
}

// Sysctl is one file below /proc/sys.
type Sysctl struct {
	Path     string        `json:"path"` // below /proc/sys: net/ipv4/ip_forward
	Value    Value[string] `json:"value"`
	Writable bool          `json:"writable"` // its mode lets its owner write it
}

// SysctlFacts is what defaults and costs of settings follow from.
type SysctlFacts struct {
	Release     string        `json:"release"`      // of the kernel, as uname tells it
	MemoryBytes Value[uint64] `json:"memory_bytes"` // of the host
	WordBits    int           `json:"word_bits"`
	Entries     Value[Slab]   `json:"entries"`  // what the kernel allocates conntrack entries from
	Acct        Value[bool]   `json:"acct"`     // nf_conntrack's parameter acct
	Tstamp      Value[bool]   `json:"tstamp"`   // nf_conntrack's parameter tstamp
	Tracking    ModuleState   `json:"tracking"` // nf_conntrack
	BridgeNF    ModuleState   `json:"bridge_nf"`
}

// Slab is one cache of /proc/slabinfo, which all namespaces share.
type Slab struct {
	Objects     uint64 `json:"objects"`      // in use
	ObjectBytes uint64 `json:"object_bytes"` // that one takes
}
