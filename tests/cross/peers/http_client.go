// Go's HTTP client against a server of ours. It takes an origin (an absolute path: a Unix socket),
// goes through its requests, and prints what the server has not done right: nothing is good.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

var failed = false

func check(ok bool, format string, args ...any) {
	if !ok {
		failed = true
		fmt.Printf(format+"\n", args...)
	}
}

// counts are of the connections of a client: how many it has made, and how many of them the server
// has ended. It may make more than one because Go itself, on a busy machine, gives up what it could
// have used again.
type counts struct{ dialed, ended int32 }

// kept is whether a connection was used again and again, and none was ended by the server.
func (n *counts) kept() bool { return n.ended == 0 && n.dialed < 10 }

type conn struct {
	net.Conn
	counts *counts
}

// Read sees the end of a connection, unless it was closed on this side.
func (c conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil && !errors.Is(err, net.ErrClosed) {
		atomic.AddInt32(&c.counts.ended, 1)
	}
	return n, err
}

// client is a client of its own.
func client(address string) (*http.Client, *counts) {
	n := &counts{}
	dial := func(ctx context.Context, network, target string) (net.Conn, error) {
		atomic.AddInt32(&n.dialed, 1)
		if strings.HasPrefix(address, "/") {
			network, target = "unix", address
		}
		c, err := (&net.Dialer{}).DialContext(ctx, network, target)
		return conn{c, n}, err
	}
	transport := &http.Transport{
		DialContext:           dial,
		MaxIdleConnsPerHost:   64,
		ExpectContinueTimeout: 10 * time.Second,
	}
	return &http.Client{Transport: transport, Timeout: 15 * time.Second}, n
}

// do sends a request and reads the response to its end.
func do(c *http.Client, request *http.Request) (*http.Response, []byte) {
	response, err := c.Do(request)
	if err != nil {
		check(false, "%s %s: %v", request.Method, request.URL, err)
		return &http.Response{Header: http.Header{}}, nil
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	check(err == nil, "%s %s: body: %v", request.Method, request.URL, err)
	return response, body
}

func request(method, url string, body io.Reader) *http.Request {
	r, err := http.NewRequest(method, url, body)
	if err != nil {
		panic(err)
	}
	return r
}

func noise(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i*i>>8 ^ i)
	}
	return p
}

func sum(p []byte) string { return fmt.Sprintf("%d %x", len(p), sha256.Sum256(p)) }

// keepAlive: one after the other, with and without bodies.
func keepAlive(address, origin string) {
	c, conns := client(address)
	for i := 0; i < 50; i++ {
		response, body := do(c, request("GET", origin+"/small", nil))
		check(response.StatusCode == 200 && string(body) == "small", "small: %d %q", response.StatusCode, body)
		check(response.ContentLength == 5, "small: length %d", response.ContentLength)
		response, body = do(c, request("HEAD", origin+"/small", nil))
		check(response.StatusCode == 200 && len(body) == 0, "head: %d %q", response.StatusCode, body)
		p := noise(i * 999)
		_, body = do(c, request("POST", origin+"/digest", bytes.NewReader(p)))
		check(string(body) == sum(p), "digest of %d: %s", len(p), body)
		response, body = do(c, request("DELETE", origin+"/empty", nil))
		check(response.StatusCode == 204 && len(body) == 0, "empty: %d %q", response.StatusCode, body)
		// Not read by the handler, and short enough to be dropped.
		_, body = do(c, request("POST", origin+"/small", bytes.NewReader(p)))
		check(string(body) == "small", "unread: %q", body)
	}
	check(conns.kept(), "keep-alive: %+v", *conns)
}

// chunked: bodies of unknown length, both ways at once.
func chunked(address, origin string) {
	c, conns := client(address)
	p := noise(3_000_000)
	// Only a reader of an unknown type is sent in chunks.
	body := func() io.Reader { return struct{ io.Reader }{bytes.NewReader(p)} }
	_, got := do(c, request("POST", origin+"/digest", body()))
	check(string(got) == sum(p), "chunked upload: %s", got)
	response, got := do(c, request("POST", origin+"/echo", body()))
	check(bytes.Equal(got, p), "echo: %d of %d bytes", len(got), len(p))
	check(len(response.TransferEncoding) == 1 && response.TransferEncoding[0] == "chunked",
		"echo: encodings %v", response.TransferEncoding)
	check(conns.kept(), "chunked: %+v", *conns)
}

// trailers, both ways.
func trailers(address, origin string) {
	c, _ := client(address)
	r := request("POST", origin+"/trailers", struct{ io.Reader }{strings.NewReader("body")})
	r.Trailer = http.Header{"X-Mine": {"from Go"}}
	response, body := do(c, r)
	check(string(body) == "body", "trailers: body %q", body)
	got := response.Trailer.Get("X-Yours")
	check(got == "from Go", "trailers: %v", response.Trailer)
}

// expect: 100 Continue comes when the body is read, and not when it is refused.
func expect(address, origin string) {
	c, conns := client(address)
	continued := 0
	trace := &httptrace.ClientTrace{Got100Continue: func() { continued++ }}
	post := func(path string, body io.Reader) (*http.Response, []byte) {
		r := request("POST", origin+path, body)
		r.Header.Set("Expect", "100-continue")
		return do(c, r.WithContext(httptrace.WithClientTrace(context.Background(), trace)))
	}
	p := noise(2_000_000)
	_, body := post("/digest", bytes.NewReader(p))
	check(string(body) == sum(p) && continued == 1, "expect: %s, %d times 100", body, continued)
	reader := bytes.NewReader(p)
	response, _ := post("/refuse", reader)
	check(response.StatusCode == 403 && continued == 1, "refused: %d, %d times 100", response.StatusCode, continued)
	check(reader.Len() == len(p), "refused: %d bytes were sent", len(p)-reader.Len())
	_, body = do(c, request("GET", origin+"/small", nil))
	check(string(body) == "small" && conns.ended <= 1, "after a refusal: %q, %+v", body, *conns)
}

// informational: 103 comes before the answer.
func informational(address, origin string) {
	c, _ := client(address)
	var early []string
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
		early = append(early, fmt.Sprint(code, " ", header.Get("Link")))
		return nil
	}}
	r := request("GET", origin+"/early", nil)
	response, body := do(c, r.WithContext(httptrace.WithClientTrace(context.Background(), trace)))
	check(response.StatusCode == 200 && string(body) == "late", "early: %d %q", response.StatusCode, body)
	check(len(early) == 1 && early[0] == "103 </style.css>; rel=preload", "early: %q", early)
}

// concurrent: many at once, of all kinds.
func concurrent(address, origin string) {
	c, _ := client(address)
	var wait sync.WaitGroup
	p := noise(100_000)
	for i := 0; i < 50; i++ {
		wait.Add(1)
		go func(i int) {
			defer wait.Done()
			for j := 0; j < 10; j++ {
				n := (i*7919 + j*104729) % len(p)
				path, want := "/digest", sum(p[:n])
				if j%2 == 0 {
					path, want = "/echo", string(p[:n])
				}
				_, body := do(c, request("POST", origin+path, bytes.NewReader(p[:n])))
				check(string(body) == want, "concurrent %s of %d bytes: %d came", path, n, len(body))
			}
		}(i)
	}
	wait.Wait()
}

// cancel: the server learns that nobody waits any more.
func cancel(address, origin string) {
	c, _ := client(address)
	ctx, stop := context.WithCancel(context.Background())
	response, err := c.Do(request("GET", origin+"/endless", nil).WithContext(ctx))
	if err != nil {
		check(false, "endless: %v", err)
	} else {
		_, err = io.ReadFull(response.Body, make([]byte, 1000))
		check(err == nil, "endless: %v", err)
	}
	stop()
	_, body := do(c, request("GET", origin+"/gone", nil))
	check(string(body) == "gone", "cancel: %q", body)
}

// cut: what the handler breaks off is not taken for complete.
func cut(address, origin string) {
	c, _ := client(address)
	response, err := c.Do(request("GET", origin+"/cut", nil))
	if err == nil {
		_, err = io.ReadAll(response.Body)
	}
	check(err != nil, "cut: taken for complete")
}

func main() {
	address := os.Args[1]
	origin := "http://" + address
	if strings.HasPrefix(address, "/") {
		origin = "http://localhost"
	}
	tests := map[string]func(string, string){
		"keep-alive": keepAlive, "chunked": chunked, "trailers": trailers, "expect": expect,
		"informational": informational, "concurrent": concurrent, "cancel": cancel, "cut": cut,
	}
	for _, name := range os.Args[2:] {
		tests[name](address, origin)
	}
	if failed {
		os.Exit(1)
	}
}
