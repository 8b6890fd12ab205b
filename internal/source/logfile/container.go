package logfile

import (
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// container is how a log is packed.
type container struct {
	name  string
	magic []byte
	open  func(io.Reader) (io.Reader, error)
}

// containers are told by what they begin with, never by a file's name.
func containers() []container {
	return []container{
		{"gzip", []byte{0x1f, 0x8b, 8}, openGzip},
		{"zstd", []byte{0x28, 0xb5, 0x2f, 0xfd}, openZstd},
		{"xz", []byte{0xfd, '7', 'z', 'X', 'Z', 0}, openXZ},
		{"bzip2", []byte("BZh"), func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }},
	}
}

// mostMemory bounds what a compressed file may ask for: zstd's window and xz's
// dictionary. The largest of their ordinary settings (zstd --ultra -22, xz -9)
// take 128 and 64 MiB.
const mostMemory = 128 << 20

func openGzip(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }

func openZstd(r io.Reader) (io.Reader, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(mostMemory))
}

func openXZ(r io.Reader) (io.Reader, error) {
	head := make([]byte, xzHead)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	head = head[:n]
	if size := xzDictionary(head); size > mostMemory {
		return nil, fmt.Errorf("its dictionary of %d MiB is larger than %d MiB: unpack it with xz -d", size>>20, mostMemory>>20)
	}
	return xz.NewReader(io.MultiReader(bytes.NewReader(head), r))
}

// xzHead is how much of an xz file holds the header of its first block.
const xzHead = 12 + 48

// xzDictionary reads the size of the dictionary from the header of the first
// block (xz-file-format 1.2.1, sections 3.1 and 5.3.1); 0 where there is none.
func xzDictionary(head []byte) int64 {
	const flags, filters = 13, 14
	if len(head) <= filters {
		return 0
	}
	i := filters
	for _, bit := range []byte{0x40, 0x80} { // compressed and uncompressed size
		if head[flags]&bit != 0 {
			i = afterVarint(head, i)
		}
	}
	for ; i+2 < len(head); i += 2 + int(head[i+1]) {
		if head[i] == 0x21 && head[i+1] == 1 {
			bits := head[i+2] & 0x3f
			return int64(2|bits&1) << (bits/2 + 11)
		}
		if head[i] == 0 {
			break
		}
	}
	return 0
}

func afterVarint(b []byte, i int) int {
	for i < len(b) && b[i]&0x80 != 0 {
		i++
	}
	return i + 1
}

// unpack looks at the beginning of a stream and gives its content; packed is the
// name of the container, empty for none. It waits for no more bytes than it
// takes to tell.
func unpack(r io.Reader) (content io.Reader, packed string, err error) {
	head, err := magic(r)
	whole := io.MultiReader(bytes.NewReader(head), failed(r, err))
	for _, c := range containers() {
		if c.is(head) {
			content, err = c.open(whole)
			return content, c.name, err
		}
	}
	return whole, "", nil
}

// isBzip2 looks at the level and at the magic number of a block or of the end.
func isBzip2(head []byte) bool {
	return len(head) >= 10 && head[3] >= '1' && head[3] <= '9' &&
		(string(head[4:10]) == "1AY&SY" || string(head[4:10]) == "\x17\x72\x45\x38\x50\x90")
}

// magic reads while the beginning may still be that of a container.
func magic(r io.Reader) ([]byte, error) {
	head := make([]byte, 0, 4096)
	for {
		n, err := r.Read(head[len(head):cap(head)])
		head = head[:len(head)+n]
		if err != nil || !undecided(head) {
			return head, err
		}
	}
}

func undecided(head []byte) bool {
	for _, c := range containers() {
		n := len(c.magic)
		if c.name == "bzip2" {
			n = 10
		}
		if len(head) < n && bytes.HasPrefix(c.magic, head[:min(len(head), len(c.magic))]) {
			return true
		}
	}
	return false
}

// failed is r, or err alone where reading r has ended with it already.
func failed(r io.Reader, err error) io.Reader {
	if err == nil {
		return r
	}
	return ended{err}
}

type ended struct{ err error }

func (e ended) Read([]byte) (int, error) { return 0, e.err }

// packedBy names the container that a file's beginning is of, empty for none.
func packedBy(head []byte) string {
	for _, c := range containers() {
		if c.is(head) {
			return c.name
		}
	}
	return ""
}

func (c container) is(head []byte) bool {
	return bytes.HasPrefix(head, c.magic) && (c.name != "bzip2" || isBzip2(head))
}
