// Go's HTTP server, for a client of ours. It takes how long a connection may be idle, in
// milliseconds, and where to serve: nothing, a path (a Unix socket), or a certificate and its key.
// It says where it listens.
package main

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// connKey is the key of a request's connection.
type connKey struct{}

// underlying is the TCP connection of a request, under TLS too.
func underlying(r *http.Request) net.Conn {
	c := r.Context().Value(connKey{}).(net.Conn)
	if secure, ok := c.(interface{ NetConn() net.Conn }); ok {
		return secure.NetConn()
	}
	return c
}

var (
	goOn = make(chan struct{}, 1)
	gone = make(chan struct{}, 1)

	mu   sync.Mutex
	seen = map[string]int{} // how often each tag has come
)

func abort() { panic(http.ErrAbortHandler) }

func handle(w http.ResponseWriter, r *http.Request) {
	if tag := r.URL.RawQuery; tag != "" {
		mu.Lock()
		seen[tag]++
		mu.Unlock()
	}
	flush := w.(http.Flusher).Flush
	switch r.URL.Path {
	case "/small":
		w.Header().Set("Content-Length", "5")
		io.WriteString(w, "small")
	case "/empty":
		w.WriteHeader(204)
	case "/unchanged":
		w.Header().Set("ETag", `"1"`)
		w.WriteHeader(304)
	case "/last":
		w.Header().Set("Connection", "close")
		io.WriteString(w, "last")
	case "/digest":
		p, err := io.ReadAll(r.Body)
		if err != nil {
			abort()
		}
		fmt.Fprintf(w, "%d %x", len(p), sha256.Sum256(p))
	case "/whole", "/chunks":
		p, err := io.ReadAll(r.Body)
		if err != nil {
			abort()
		}
		if r.URL.Path == "/whole" {
			w.Header().Set("Content-Length", strconv.Itoa(len(p)))
		}
		w.Write(p)
	case "/pieces":
		io.WriteString(w, "one ")
		flush()
		<-goOn
		io.WriteString(w, "two")
	case "/go-on":
		goOn <- struct{}{}
	case "/gzip":
		w.Header().Set("Content-Type", "text/plain")
		text := strings.Repeat("again and again ", 10000)
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			io.WriteString(w, text)
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.WriteString(z, text)
		z.Close()
	case "/trailers":
		w.Header().Set("Trailer", "X-Sum")
		io.WriteString(w, "body")
		flush()
		w.Header().Set("X-Sum", "4")
		w.Header().Set(http.TrailerPrefix+"X-Late", "unannounced")
	case "/early":
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(103)
		w.WriteHeader(102)
		io.WriteString(w, "late")
	case "/refuse":
		w.WriteHeader(403)
		io.WriteString(w, "no")
	case "/cut":
		io.WriteString(w, "0123456789")
		flush()
		abort()
	case "/cut-length":
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "0123456789")
		flush()
		abort()
	case "/reset":
		io.WriteString(w, "0123456789")
		flush()
		underlying(r).(*net.TCPConn).SetLinger(0)
		underlying(r).Close()
		abort()
	case "/vanish":
		underlying(r).Close()
		abort()
	case "/dying":
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		io.WriteString(buffered, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		buffered.Flush()
		conn.Close()
	case "/seen":
		mu.Lock()
		defer mu.Unlock()
		most := 0
		for _, n := range seen {
			if n > most {
				most = n
			}
		}
		fmt.Fprint(w, most)
	case "/endless":
		p := make([]byte, 10000)
		for {
			if _, err := w.Write(p); err != nil {
				gone <- struct{}{}
				return
			}
		}
	case "/gone":
		<-gone
		io.WriteString(w, "gone")
	default:
		w.WriteHeader(404)
	}
}

func main() {
	idle, _ := strconv.Atoi(os.Args[1])
	rest := os.Args[2:]
	network, address := "tcp", "127.0.0.1:0"
	if len(rest) == 1 {
		network, address = "unix", rest[0]
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		panic(err)
	}
	server := http.Server{
		Handler:     http.HandlerFunc(handle),
		IdleTimeout: time.Duration(idle) * time.Millisecond,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
	}
	fmt.Println("listening at", listener.Addr())
	if len(rest) == 2 {
		err = server.ServeTLS(listener, rest[0], rest[1])
	} else {
		err = server.Serve(listener)
	}
	panic(err)
}
