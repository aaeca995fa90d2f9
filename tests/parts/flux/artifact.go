package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fluxcd/pkg/sourceignore"
)

// Copies what source-controller archives of a repository: files and folders that no pattern leaves out, and no links
// (internal/controller/gitrepository_controller.go, github.com/fluxcd/pkg/artifact/storage).
func archive(root, to string) error {
	domain := strings.Split(root, string(filepath.Separator))
	patterns, err := sourceignore.LoadIgnorePatterns(root, domain)
	if err != nil {
		return err
	}
	ignored := sourceignore.NewDefaultMatcher(nil, domain)
	if len(patterns) > 0 {
		ignored = sourceignore.NewMatcher(append(sourceignore.VCSPatterns(domain), patterns...))
	}
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ignored.Match(strings.Split(path, string(filepath.Separator)), entry.IsDir()) {
			return nil
		}
		inside, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		place := filepath.Join(to, inside)
		switch {
		case entry.IsDir():
			return os.MkdirAll(place, 0o755)
		case entry.Type().IsRegular():
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if err := os.MkdirAll(filepath.Dir(place), 0o755); err != nil {
				return err
			}
			return os.WriteFile(place, content, 0o644)
		}
		return nil
	})
}
