// Renders what a Flux Kustomization applies, by Flux's own libraries: what tests compare drift with.
//
// Each line of standard input is a request, each line of standard output its answer, both JSON.
//
//	{"root": "/tree", "kustomization": {…}, "data": [ConfigMap, Secret, …], "strict": false}
//	{"template": "${A:=b}", "variables": {"A": "x"}, "strict": false}
//
// The first is answered by {"objects": […]}, the second by {"text": "…"}, either by {"error": "…"}.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/fluxcd/pkg/envsubst"
	"github.com/fluxcd/pkg/kustomize"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/api/resmap"
)

type request struct {
	Root          string                      `json:"root"`
	Kustomization map[string]any              `json:"kustomization"`
	Data          []unstructured.Unstructured `json:"data"`
	Strict        bool                        `json:"strict"`
	Template      *string                     `json:"template"`
	Variables     map[string]string           `json:"variables"`
}

type answer struct {
	Objects []map[string]any `json:"objects,omitempty"`
	Text    *string          `json:"text,omitempty"`
	Error   string           `json:"error,omitempty"`
}

func main() {
	requests := bufio.NewReader(os.Stdin)
	answers := json.NewEncoder(os.Stdout)
	answers.SetEscapeHTML(false)
	for {
		line, end := requests.ReadBytes('\n')
		if len(strings.TrimSpace(string(line))) > 0 {
			if err := answers.Encode(respond(line)); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
		if end != nil {
			return
		}
	}
}

func respond(line []byte) answer {
	var asked request
	if err := json.Unmarshal(line, &asked); err != nil {
		return answer{Error: err.Error()}
	}
	if asked.Template != nil {
		text, err := substitute(asked)
		if err != nil {
			return answer{Error: err.Error()}
		}
		return answer{Text: &text}
	}
	objects, err := render(asked)
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Objects: objects}
}

// One text, as varSubstitution of github.com/fluxcd/pkg/kustomize evaluates it.
func substitute(asked request) (string, error) {
	text, err := envsubst.Eval(*asked.Template, func(name string) (string, bool) {
		value, known := asked.Variables[name]
		return value, known || !asked.Strict
	})
	if err == nil && !utf8.ValidString(text) {
		// No YAML: positions count bytes.
		err = errors.New("a character is cut in two")
	}
	return text, err
}

// The steps of kustomize-controller (internal/controller/kustomization_controller.go): artifact, generator, build,
// substitution of each object, common metadata. It decrypts nothing, and puts on no labels that name the owner.
func render(asked request) ([]map[string]any, error) {
	artifact, err := os.MkdirTemp("", "flux-artifact-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(artifact)
	if artifact, err = filepath.EvalSymlinks(artifact); err != nil {
		return nil, err
	}
	if err := archive(asked.Root, artifact); err != nil {
		return nil, err
	}
	path, _, err := unstructured.NestedString(asked.Kustomization, "spec", "path")
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(artifact, filepath.Join("/", path))
	root := unstructured.Unstructured{Object: asked.Kustomization}
	if _, err := kustomize.NewGenerator(artifact, root).WriteFile(folder); err != nil {
		return nil, err
	}
	// Nothing is fetched: what the tests render is on the disk.
	built, err := kustomize.SecureBuild(artifact, folder, false)
	if err != nil {
		return nil, err
	}
	if err := fillIn(asked, root, built); err != nil {
		return nil, err
	}
	return withCommonMetadata(asked.Kustomization, built)
}

func fillIn(asked request, root unstructured.Unstructured, built resmap.ResMap) error {
	postBuild, found, err := unstructured.NestedMap(root.Object, "spec", "postBuild")
	if err != nil || !found {
		return err
	}
	reader := data{objects: asked.Data}
	options := []kustomize.SubstituteOption{
		kustomize.SubstituteWithStrict(asked.Strict),
		kustomize.SubstituteWithAlways(postBuild["substituteStrategy"] == "Always"),
	}
	for _, resource := range built.Resources() {
		changed, err := kustomize.SubstituteVariables(context.Background(), reader, root, resource, options...)
		if err != nil {
			return fmt.Errorf("%s/%s: %w", resource.GetGvk(), resource.GetName(), err)
		}
		if changed == nil {
			continue
		}
		if _, err := built.Replace(resource); err != nil {
			return err
		}
	}
	return nil
}

func withCommonMetadata(kustomization map[string]any, built resmap.ResMap) ([]map[string]any, error) {
	text, err := built.AsYaml()
	if err != nil {
		return nil, err
	}
	objects := []map[string]any{}
	// As github.com/fluxcd/pkg/ssa/utils reads them.
	reader := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 2048)
	for {
		content := map[string]any{}
		if err := reader.Decode(&content); errors.Is(err, io.EOF) {
			return objects, nil
		} else if err != nil {
			return nil, err
		}
		if len(content) == 0 {
			continue
		}
		for _, field := range []string{"labels", "annotations"} {
			common, _, err := unstructured.NestedStringMap(kustomization, "spec", "commonMetadata", field)
			if err != nil {
				return nil, err
			}
			if len(common) == 0 {
				continue
			}
			own, _, err := unstructured.NestedStringMap(content, "metadata", field)
			if err != nil {
				return nil, err
			}
			if own == nil {
				own = map[string]string{}
			}
			for key, value := range common {
				own[key] = value
			}
			if err := unstructured.SetNestedStringMap(content, own, "metadata", field); err != nil {
				return nil, err
			}
		}
		objects = append(objects, content)
	}
}

// The ConfigMaps and Secrets that a cluster would have.
type data struct {
	client.Client
	objects []unstructured.Unstructured
}

func (all data) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	kind := "ConfigMap"
	if _, isSecret := into.(*corev1.Secret); isSecret {
		kind = "Secret"
	}
	for _, object := range all.objects {
		if object.GetKind() == kind && object.GetName() == key.Name && object.GetNamespace() == key.Namespace {
			return runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, into)
		}
	}
	return apierrors.NewNotFound(schema.GroupResource{Resource: kind}, key.Name)
}
