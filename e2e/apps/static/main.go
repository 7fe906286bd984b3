// Answers every request with the version it read from a file when it started, and its process id.
// Linked statically, it needs nothing of the image that it runs in.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
)

func main() {
	version, err := os.ReadFile("version.txt")
	if err != nil {
		log.Fatal(err)
	}
	answer := fmt.Sprintf("%s %d\n", strings.TrimSpace(string(version)), os.Getpid())
	http.HandleFunc("/", func(response http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(response, answer)
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
