package snapshot

import (
	"time"

	"github.com/pktrail/pktrail/ruleset"
)

// Logging is everything that decides whether a packet's line reaches a log: the
// rules of one network namespace, the kernel's loggers, and the programs that
// carry the kernel's log on.
type Logging struct {
	Netns    Netns         `json:"netns"`
	Families []LogFamily   `json:"families"`
	AllNetns Value[bool]   `json:"all_netns"` // net.netfilter.nf_log_all_netns, which is the host's
	Rules    []LogRule     `json:"rules"`
	Unread   []string      `json:"unread"` // tables and families whose rules could not be read, and why
	Groups   Value[Groups] `json:"groups"` // who listens to NFLOG groups in the namespace
	Modules  []Module      `json:"modules"`
	Kernel   KernelLog     `json:"kernel"`
	Rsyslog  Daemon        `json:"rsyslog"`
	SyslogNG Daemon        `json:"syslog_ng"`
	Journald Daemon        `json:"journald"`
	// Container is what says that this is one, such as a file; empty where nothing does.
	Container string    `json:"container"`
	At        time.Time `json:"at"`
}

// Netns is the network namespace that was looked at.
type Netns struct {
	Name  string      `json:"name"`
	Inode uint64      `json:"inode"`
	First Value[bool] `json:"first"` // the one that the kernel started with
}

// LogFamily is the loggers of one protocol family.
type LogFamily struct {
	Family ruleset.Family `json:"family"`
	// Active is the logger of what does not name one, such as legacy TRACE and
	// nf_conntrack_log_invalid: a name, or NONE (/proc/sys/net/netfilter/nf_log).
	Active Value[string] `json:"active"`
	// Registered are the loggers that the kernel has; LOG uses the syslog one of
	// them whatever Active says (net/netfilter/nf_log.c: nf_log_packet).
	Registered Value[[]string] `json:"registered"`
}

// NoLogger is what the kernel shows where a family has no active logger.
const NoLogger = "NONE"

// NetlinkLogger is the name of the logger that sends to NFLOG groups.
const NetlinkLogger = "nfnetlink_log"

// Groups are the listeners of NFLOG groups by group.
type Groups map[uint16]Listener

// Listener is the socket that an NFLOG group sends to.
type Listener struct {
	Port    uint32 `json:"port"`    // its netlink port id
	Process string `json:"process"` // name and id; empty where it could not be told
	Drops   uint64 `json:"drops"`   // messages that did not fit into its receive buffer
}

// ModuleState says how a part of the kernel is there.
type ModuleState string

// The states of a module. A kernel that cannot load modules has no list of what is built in.
const (
	ModuleLoaded  ModuleState = "loaded"
	ModuleBuiltIn ModuleState = "built in"
	ModuleAbsent  ModuleState = "not loaded"
	ModuleUnknown ModuleState = "unknown"
)

// Module is one module that logging stands on.
type Module struct {
	Name  string      `json:"name"`
	State ModuleState `json:"state"`
}

// KernelLog is the kernel's own log and its settings.
type KernelLog struct {
	ConsoleLevel  Value[int]    `json:"console_level"` // kernel.printk: lines of a lower number go to the console
	DmesgRestrict Value[bool]   `json:"dmesg_restrict"`
	RateInterval  Value[int]    `json:"rate_interval"` // kernel.printk_ratelimit, seconds
	RateBurst     Value[int]    `json:"rate_burst"`    // kernel.printk_ratelimit_burst
	RingBytes     Value[int]    `json:"ring_bytes"`
	Ring          Value[Ring]   `json:"ring"`
	LogInvalid    Value[string] `json:"log_invalid"` // net.netfilter.nf_conntrack_log_invalid; a protocol number, 0 is off
}

// Ring is what the kernel's log holds now.
type Ring struct {
	Overwritten uint64        `json:"overwritten"` // records since the start that are not in it any more
	Records     int           `json:"records"`
	Span        time.Duration `json:"span"`         // from its oldest record to its newest
	PacketLines int           `json:"packet_lines"` // records that look like a packet's line
	LastLine    time.Duration `json:"last_line"`    // age of the newest of them, when PacketLines is not 0
}

// Daemon is a program that carries the kernel's log on.
type Daemon struct {
	Running Value[bool] `json:"running"`
	PID     int         `json:"pid"`
	// Threads are the names of its threads: rsyslog names one after each input.
	Threads []string            `json:"threads"`
	Config  Value[[]ConfigLine] `json:"config"` // in the order in which it reads them
}

// ConfigLine is one line of a configuration file.
type ConfigLine struct {
	File string `json:"file"`
	Line int    `json:"line"` // from 1
	Text string `json:"text"`
}
