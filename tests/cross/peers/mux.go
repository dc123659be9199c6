// A ServeMux at the other end: it takes a case in JSON on each line of standard input, patterns
// and requests, and answers each with a line of what Go makes of it.
package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
)

type testCase struct {
	Patterns []string
	Requests []request
}

type request struct{ Method, Host, Target string }

type answer struct {
	Status   int               `json:"status"`
	Pattern  string            `json:"pattern"`
	Params   map[string]string `json:"params"`
	Location string            `json:"location"`
	Allow    string            `json:"allow"`
}

type result struct {
	// Whether each of the patterns was taken.
	Taken   []bool   `json:"taken"`
	Answers []answer `json:"answers"`
}

func register(mux *http.ServeMux, pattern string, got *answer) (taken bool) {
	defer func() { taken = recover() == nil }()
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		got.Pattern = pattern
		for _, segment := range strings.Split(pattern, "/") {
			name := strings.TrimSuffix(strings.Trim(segment, "{}"), "...")
			if strings.HasPrefix(segment, "{") && name != "$" {
				got.Params[name] = r.PathValue(name)
			}
		}
	})
	return
}

func ask(mux *http.ServeMux, q request, got *answer) {
	*got = answer{Params: map[string]string{}}
	head := q.Method + " " + q.Target + " HTTP/1.1\r\nHost: " + q.Host + "\r\n\r\n"
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
	if err != nil {
		got.Status = http.StatusBadRequest
		return
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	got.Status = w.Code
	got.Location = w.Header().Get("Location")
	got.Allow = w.Header().Get("Allow")
}

func main() {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var c testCase
		if in.Decode(&c) != nil {
			return
		}
		var got answer
		mux := http.NewServeMux()
		res := result{Taken: []bool{}, Answers: []answer{}}
		for _, pattern := range c.Patterns {
			res.Taken = append(res.Taken, register(mux, pattern, &got))
		}
		for _, q := range c.Requests {
			ask(mux, q, &got)
			res.Answers = append(res.Answers, got)
		}
		if out.Encode(res) != nil {
			return
		}
	}
}
