// The other end of a connection, in Go: peer serve|call NETWORK MODE ADDRESS [SIZE...].
//
// A server says on standard error where it listens. What the modes do is said in ../programs.ts.
package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
)

var role, network, mode, address = os.Args[1], os.Args[2], os.Args[3], os.Args[4]

func main() {
	if network == "unixgram" || strings.HasPrefix(network, "udp") {
		datagrams()
		return
	}
	conn := connected()
	defer conn.Close()
	switch mode {
	case "pump", "outlast":
		pump(conn)
	case "echo":
		must(io.Copy(conn, conn))
	case "digest":
		sha := sha256.New()
		must(io.Copy(sha, conn))
		must(fmt.Fprintf(conn, "%x", sha.Sum(nil)))
	case "reset":
		must(os.Stdin.Read(make([]byte, 1)))
		if tcp, ok := conn.(*net.TCPConn); ok {
			check(tcp.SetLinger(0))
		}
	case "messages":
		messages(
			func(p []byte) (int, error) { return conn.Read(p) },
			func(p []byte) (int, error) { return conn.Write(p) },
		)
	default:
		panic(mode)
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func announce(addr net.Addr) {
	where := addr.String()
	if !strings.HasPrefix(network, "unix") {
		where = "port " + where[strings.LastIndex(where, ":")+1:]
	}
	fmt.Fprintln(os.Stderr, "listening on", where)
}

func connected() net.Conn {
	if role == "call" {
		return must(net.Dial(network, address))
	}
	listener := must(net.Listen(network, address))
	announce(listener.Addr())
	return must(listener.Accept())
}

func pump(conn net.Conn) {
	sent := make(chan bool)
	go func() {
		must(io.Copy(conn, os.Stdin))
		check(conn.(interface{ CloseWrite() error }).CloseWrite())
		close(sent)
	}()
	must(io.Copy(os.Stdout, conn))
	os.Stdout.Close() // the end is passed on, while there may be more to send
	<-sent
}

func datagrams() {
	if role == "serve" {
		conn := must(net.ListenPacket(network, address))
		announce(conn.LocalAddr())
		var sender net.Addr
		messages(func(p []byte) (n int, err error) {
			n, sender, err = conn.ReadFrom(p)
			return
		}, func(p []byte) (int, error) { return conn.WriteTo(p, sender) })
		return
	}
	var dialer net.Dialer
	if network == "unixgram" { // without a name of its own it could not be answered
		dialer.LocalAddr = &net.UnixAddr{Name: address + ".peer", Net: network}
	}
	conn := must(dialer.Dial(network, address))
	messages(conn.Read, conn.Write)
}

type transfer func([]byte) (int, error)

func messages(read, write transfer) {
	if role == "serve" {
		found := untilEnd(read)
		must(write([]byte(seen(found))))
		for _, message := range found {
			must(write(message))
		}
		return
	}
	for i, text := range os.Args[5:] {
		must(write(bytes.Repeat([]byte{byte(65 + i)}, must(strconv.Atoi(text)))))
	}
	must(write([]byte("end")))
	fmt.Println(seen(untilEnd(read)))
}

// The messages up to the one that says "end". To Go an empty one of a SOCK_SEQPACKET is an end too.
func untilEnd(read transfer) [][]byte {
	found := [][]byte{}
	for len(found) < 100 {
		p := make([]byte, 1<<17)
		n, err := read(p)
		if err != io.EOF {
			check(err)
		}
		if string(p[:n]) == "end" {
			return found
		}
		found = append(found, p[:n])
	}
	panic("too many messages")
}

// How messages arrived: length and first byte of each.
func seen(messages [][]byte) string {
	words := []string{}
	for _, m := range messages {
		first := ""
		if len(m) > 0 {
			first = strconv.Itoa(int(m[0]))
		}
		words = append(words, fmt.Sprintf("%d:%s", len(m), first))
	}
	return strings.Join(words, " ")
}
