// Reads the manifests of Tekton as a cluster does: each document into Tekton's own type, where a field
// that the type does not have is an error, and then by Tekton's validation.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	tekton "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	"knative.dev/pkg/apis"
	strict "sigs.k8s.io/yaml"
)

// What Tekton's webhook calls.
type resource interface {
	meta.Object
	SetDefaults(context.Context)
	Validate(context.Context) *apis.FieldError
}

// The types by what a document says that it is.
var resources = map[string]func() resource{
	"tekton.dev/v1 Pipeline":    func() resource { return &tekton.Pipeline{} },
	"tekton.dev/v1 PipelineRun": func() resource { return &tekton.PipelineRun{} },
}

func main() {
	log.SetFlags(0)
	for _, file := range os.Args[1:] {
		if err := checkFile(file); err != nil {
			log.Fatalf("%s: %v", file, err)
		}
	}
}

func checkFile(file string) error {
	contents, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	documents := yaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(contents)))
	buffer := make([]byte, len(contents))
	for {
		length, err := documents.Read(buffer)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := checkDocument(buffer[:length]); err != nil {
			return err
		}
	}
}

func checkDocument(document []byte) error {
	var is meta.TypeMeta
	if err := strict.Unmarshal(document, &is); err != nil {
		return err
	}
	name := is.APIVersion + " " + is.Kind
	create, known := resources[name]
	if !known {
		return fmt.Errorf("nothing is known of %s", name)
	}
	made := create()
	if err := strict.UnmarshalStrict(document, made); err != nil {
		return err
	}
	// As a cluster does, before it calls a webhook.
	if made.GetName() == "" {
		made.SetName(made.GetGenerateName() + "x")
	}
	ctx := apis.WithinCreate(context.Background())
	made.SetDefaults(ctx)
	if err := made.Validate(ctx); err != nil {
		return err
	}
	return nil
}
