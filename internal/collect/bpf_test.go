package collect

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// passProgram loads `r0 = 0; exit` as a tc classifier and returns its descriptor.
func passProgram(t *testing.T) int {
	t.Helper()
	code := []uint64{0x00000000000000b7, 0x0000000000000095}
	license := []byte("GPL\x00")
	attr := struct {
		progType, insnCount uint32
		insns, license      uint64
		_                   [96]byte
	}{
		progType: unix.BPF_PROG_TYPE_SCHED_CLS, insnCount: uint32(len(code)),
		insns: uint64(uintptr(unsafe.Pointer(&code[0]))), license: uint64(uintptr(unsafe.Pointer(&license[0]))),
	}
	fd, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_PROG_LOAD, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	if errno != 0 {
		t.Skipf("this kernel or user may not load BPF programs: %v", errno)
	}
	return int(fd)
}
