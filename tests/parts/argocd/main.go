// Renders one source of an Application as the repository server of Argo CD does, by its own code. The folder is written to:
// give it a copy.
//
//	argocd-manifests REPOSITORY < request.json
//
// It prints one object a line, as the server returns them, or the error on standard error and 1. helm and kustomize are
// those of the PATH.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/reposerver/apiclient"
	"github.com/argoproj/argo-cd/v3/reposerver/repository"
	"github.com/argoproj/argo-cd/v3/util/argo"
	"github.com/argoproj/argo-cd/v3/util/git"
	utilio "github.com/argoproj/argo-cd/v3/util/io"
)

type request struct {
	Application string                     `json:"application"`
	Namespace   string                     `json:"namespace"`
	Project     string                     `json:"project"`
	Source      v1alpha1.ApplicationSource `json:"source"`
	// Names of sources of the same repository.
	References  []string `json:"references"`
	KubeVersion string   `json:"kubeVersion"`
	APIVersions []string `json:"apiVersions"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	root, err := filepath.Abs(os.Args[1])
	if err != nil {
		return err
	}
	var asked request
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		return err
	}
	// As the controller does before it asks.
	argo.NormalizeSource(&asked.Source)
	repo := &v1alpha1.Repository{Repo: asked.Source.RepoURL}
	paths := utilio.NewRandomizedTempPaths(os.TempDir())
	paths.Add(git.NormalizeGitURL(repo.Repo), root)
	references := map[string]*v1alpha1.RefTarget{}
	for _, name := range asked.References {
		references["$"+name] = &v1alpha1.RefTarget{Repo: *repo}
	}
	query := &apiclient.ManifestRequest{
		Repo:              repo,
		AppName:           asked.Application,
		Namespace:         asked.Namespace,
		ProjectName:       asked.Project,
		ApplicationSource: &asked.Source,
		RefSources:        references,
		KubeVersion:       asked.KubeVersion,
		ApiVersions:       asked.APIVersions,
	}
	folder := filepath.Join(root, asked.Source.Path)
	response, err := repository.GenerateManifests(
		context.Background(), folder, root, "0123456789abcdef0123456789abcdef01234567", query, true, nil, resource.MustParse("0"), paths)
	if err != nil {
		return err
	}
	for _, manifest := range response.Manifests {
		fmt.Println(manifest)
	}
	return nil
}
