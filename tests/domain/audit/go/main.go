// Verifies an unpacked file of evidence with Go's own implementation of signed notes and Merkle proofs
// (golang.org/x/mod/sumdb), which knows nothing of ours: main KEY FOLDER.
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type event struct {
	Position int64
	Entry    []byte
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(parts ...string) string {
	content, err := os.ReadFile(filepath.Join(parts...))
	must(err)
	return string(content)
}

func hashes(lines []string) []tlog.Hash {
	found := make([]tlog.Hash, len(lines))
	for i, line := range lines {
		decoded, err := base64.StdEncoding.DecodeString(line)
		must(err)
		if copy(found[i][:], decoded) != len(decoded) || len(decoded) != tlog.HashSize {
			must(fmt.Errorf("not a hash: %q", line))
		}
	}
	return found
}

func opened(text string, known note.Verifiers) (int64, tlog.Hash) {
	checkpoint, err := note.Open([]byte(text), known)
	must(err)
	lines := strings.Split(checkpoint.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	return size, hashes(lines[2:3])[0]
}

func main() {
	verifier, err := note.NewVerifier(os.Args[1])
	must(err)
	known, folder := note.VerifierList(verifier), os.Args[2]
	first, firstRoot := opened(read(folder, "checkpoint-first"), known)
	last, lastRoot := opened(read(folder, "checkpoint-last"), known)
	steps := strings.Fields(read(folder, "consistency"))
	must(tlog.CheckTree(hashes(steps), last, lastRoot, first, firstRoot))
	_, err = note.Open([]byte(read(folder, "manifest")), known)
	must(err)
	count := 0
	parts, err := filepath.Glob(filepath.Join(folder, "events", "*.ndjson"))
	must(err)
	for _, part := range parts {
		for _, line := range strings.Split(strings.TrimSuffix(read(part), "\n"), "\n") {
			var found event
			must(json.Unmarshal([]byte(line), &found))
			proof := read(folder, "proofs", fmt.Sprintf("%019d.tlog-proof", found.Position))
			head, checkpoint, _ := strings.Cut(proof, "\n\n")
			size, root := opened(checkpoint, known)
			lines := strings.Split(head, "\n")
			index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
			must(err)
			must(tlog.CheckRecord(hashes(lines[2:]), size, root, index, tlog.RecordHash(found.Entry)))
			count++
		}
	}
	fmt.Println(count)
}
