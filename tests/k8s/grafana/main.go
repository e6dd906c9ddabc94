// Checks Grafana dashboards against the types that Grafana generates from its schema. Prints each field that is unknown, has
// a value of another type, or breaks a rule of the schema; then it exits with 1.
package main

import (
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func main() {
	plugins.RegisterDefaultPlugins()
	status := 0
	for _, path := range os.Args[1:] {
		if problems := check(path); problems != "" { // an empty list of errors is not nil
			fmt.Printf("%s: %s\n", path, problems)
			status = 1
		}
	}
	os.Exit(status)
}

func check(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	var found dashboard.Dashboard
	if err := found.UnmarshalJSONStrict(data); err != nil && err.Error() != "" {
		return err.Error()
	}
	if err := found.Validate(); err != nil {
		return err.Error()
	}
	return ""
}
