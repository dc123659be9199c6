// What http_client_peer.ts is, on Go's net/http.
package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const connections = 64

var expected = map[string]int{"hello": 5, "post": 5, "large": 1024 * 1024}

func main() {
	workload, url := os.Args[1], os.Args[2]+"/"+os.Args[1]
	posted := strings.Repeat("x", 1024)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	ask := func() (*http.Response, error) { return client.Get(url) }
	if workload == "post" {
		ask = func() (*http.Response, error) {
			return client.Post(url, "text/plain", strings.NewReader(posted))
		}
	}
	once := func() {
		response, err := ask()
		if err != nil {
			log.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || len(body) != expected[workload] {
			log.Fatal(url, " has answered ", len(body), " bytes: ", err)
		}
	}
	fmt.Println(os.Getpid())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var inFlight, ms int
		fmt.Sscan(lines.Text(), &inFlight, &ms)
		end := time.Now().Add(time.Duration(ms) * time.Millisecond)
		var count int64
		var wait sync.WaitGroup
		wait.Add(inFlight)
		for i := 0; i < inFlight; i++ {
			go func() {
				defer wait.Done()
				for time.Now().Before(end) {
					once()
					atomic.AddInt64(&count, 1)
				}
			}()
		}
		wait.Wait()
		fmt.Println(count)
	}
}
