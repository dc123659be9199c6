// What http_peer.ts is, on Go's net/http.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"time"
)

var event = []byte("data: " + strings.Repeat("x", 56) + "\n\n")

const eventsEach = 16

func hello(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain;charset=UTF-8")
	w.Write([]byte("hello"))
}

func headers(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/plain")
	h.Set("X-Request-Id", r.Header.Get("X-Request-Id"))
	h.Set("Cache-Control", "no-store")
	fmt.Fprintf(w, "hello %d", len(r.Header.Get("User-Agent")))
}

func echoJSON(w http.ResponseWriter, r *http.Request) {
	var value any
	if err := json.NewDecoder(r.Body).Decode(&value); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	body, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(body)
}

func events(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for i := 0; i < eventsEach; i++ {
		time.Sleep(time.Millisecond)
		w.Write(event)
		w.(http.Flusher).Flush()
	}
}

func main() {
	handlers := map[string]http.HandlerFunc{
		"hello": hello, "headers": headers, "json": echoJSON, "events": events,
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	// A client that goes away is nothing to tell of.
	quiet := log.New(io.Discard, "", 0)
	server := &http.Server{Handler: handlers[os.Args[1]], ErrorLog: quiet}
	go func() {
		if len(os.Args) > 3 {
			log.Fatal(server.ServeTLS(listener, os.Args[2], os.Args[3]))
		}
		log.Fatal(server.Serve(listener))
	}()
	fmt.Println(listener.Addr().(*net.TCPAddr).Port, os.Getpid())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		debug.FreeOSMemory()
		fmt.Println("collected")
	}
}
