// Sends back every datagram, one at a time. Prints its port; for each line of standard input, the
// microseconds of processor time it has used so far; and ends with its standard input.
package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"syscall"
)

func echo(conn *net.UDPConn) {
	buffer := make([]byte, 64*1024)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			panic(err)
		}
		if _, err := conn.WriteToUDPAddrPort(buffer[:n], from); err != nil {
			panic(err)
		}
	}
}

func processorTime() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return (usage.Utime.Nano() + usage.Stime.Nano()) / 1000
}

func main() {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		panic(err)
	}
	go echo(conn)
	fmt.Println(conn.LocalAddr().(*net.UDPAddr).Port)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Println(processorTime())
	}
}
