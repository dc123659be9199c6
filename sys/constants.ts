/**
 * The constants of `<sys/socket.h>`, `<netinet/*.h>` and `<fcntl.h>`, with the values of the
 * platform. Linux's are the same on x86-64 and aarch64, with glibc and with musl. An option the
 * platform does not have is -1, which its kernel refuses with ENOPROTOOPT; such a flag is 0.
 */

const on: (linux: number, macos: number) => number = Deno.build.os === "darwin"
  ? (_, macos) => macos
  : (linux) => linux;

// Address families

/** Any family. */
export const AF_UNSPEC: number = 0;
/** Sockets between processes of one machine, named by path. */
export const AF_UNIX: number = 1;
/** IPv4. */
export const AF_INET: number = 2;
/** IPv6. */
export const AF_INET6: number = on(10, 30);

// Socket types

/** A stream of bytes. */
export const SOCK_STREAM: number = 1;
/** Messages without a connection. */
export const SOCK_DGRAM: number = 2;
/** Packets of the network layer; for root. */
export const SOCK_RAW: number = 3;
/** Messages over a connection. Linux only for `AF_UNIX`. */
export const SOCK_SEQPACKET: number = 5;

// Levels of options, and protocols

/** The level of the `SO_` options. */
export const SOL_SOCKET: number = on(1, 0xffff);
/** The level of the `IP_` options. */
export const IPPROTO_IP: number = 0;
/** Control messages of IPv4. */
export const IPPROTO_ICMP: number = 1;
/** TCP, and the level of the `TCP_` options. */
export const IPPROTO_TCP: number = 6;
/** UDP. */
export const IPPROTO_UDP: number = 17;
/** The level of the `IPV6_` options. */
export const IPPROTO_IPV6: number = 41;
/** Control messages of IPv6. */
export const IPPROTO_ICMPV6: number = 58;
/** IP packets with a header of your own. */
export const IPPROTO_RAW: number = 255;

// Options of every socket

/** Whether the socket listens; to read only. */
export const SO_ACCEPTCONN: number = on(30, 0x2);
/** The network interface to be bound to, by name. Linux. */
export const SO_BINDTODEVICE: number = on(25, -1);
/** Whether datagrams may go to a broadcast address. */
export const SO_BROADCAST: number = on(6, 0x20);
/** The family of the socket; to read only. Linux. */
export const SO_DOMAIN: number = on(39, -1);
/** The pending error, which reading clears. */
export const SO_ERROR: number = on(4, 0x1007);
/** Whether a silent peer is probed. */
export const SO_KEEPALIVE: number = on(9, 0x8);
/** What close does with unsent data; see `setsockoptLinger`. */
export const SO_LINGER: number = on(13, 0x1080);
/** The mark for routing and filters. Linux. */
export const SO_MARK: number = on(36, -1);
/** Whether urgent data stays in the stream. */
export const SO_OOBINLINE: number = on(10, 0x100);
/** Whether messages carry their sender's credentials. Linux. */
export const SO_PASSCRED: number = on(16, -1);
/** Who is at the other end; see `peerCredentials`. Linux. */
export const SO_PEERCRED: number = on(17, -1);
/** The queueing priority of what is sent. Linux. */
export const SO_PRIORITY: number = on(12, -1);
/** The protocol of the socket; to read only. Linux. */
export const SO_PROTOCOL: number = on(38, -1);
/** The size of the receive buffer; Linux doubles what is set. */
export const SO_RCVBUF: number = on(8, 0x1002);
/** How many bytes make a socket readable. */
export const SO_RCVLOWAT: number = on(18, 0x1004);
/** How long a blocking receive waits; see `setsockoptTimeval`. */
export const SO_RCVTIMEO: number = on(20, 0x1006);
/** Whether an address with lingering connections can be bound. */
export const SO_REUSEADDR: number = on(2, 0x4);
/** Whether several sockets can share an address. */
export const SO_REUSEPORT: number = on(15, 0x200);
/** The size of the send buffer; Linux doubles what is set. */
export const SO_SNDBUF: number = on(7, 0x1001);
/** How much room makes a socket writable. */
export const SO_SNDLOWAT: number = on(19, 0x1003);
/** How long a blocking send waits; see `setsockoptTimeval`. */
export const SO_SNDTIMEO: number = on(21, 0x1005);
/** The type of the socket; to read only. */
export const SO_TYPE: number = on(3, 0x1008);
/** Whether writing to a closed peer raises no signal. macOS. */
export const SO_NOSIGPIPE: number = on(-1, 0x1022);

// Options of TCP

/** Whether small writes go out at once. */
export const TCP_NODELAY: number = 1;
/** The largest segment. */
export const TCP_MAXSEG: number = 2;
/** Whether partial segments are held back (macOS: TCP_NOPUSH). */
export const TCP_CORK: number = on(3, 4);
/** Seconds of silence before the first probe (macOS: TCP_KEEPALIVE). */
export const TCP_KEEPIDLE: number = on(4, 0x10);
/** Seconds between probes. */
export const TCP_KEEPINTVL: number = on(5, 0x101);
/** How many probes may go unanswered. */
export const TCP_KEEPCNT: number = on(6, 0x102);
/** How often a connection request is repeated. Linux. */
export const TCP_SYNCNT: number = on(7, -1);
/** Seconds to hold back a connection without data. Linux. */
export const TCP_DEFER_ACCEPT: number = on(9, -1);
/** The kernel's measurements of a connection. Linux. */
export const TCP_INFO: number = on(11, -1);
/** Whether data is acknowledged at once. Linux. */
export const TCP_QUICKACK: number = on(12, -1);
/** The name of the congestion control. Linux. */
export const TCP_CONGESTION: number = on(13, -1);
/** Milliseconds that sent data may stay unacknowledged. Linux. */
export const TCP_USER_TIMEOUT: number = on(18, -1);
/** Whether data may come with the connection request. */
export const TCP_FASTOPEN: number = on(23, 0x105);
/** How much unsent data still counts as writable. */
export const TCP_NOTSENT_LOWAT: number = on(25, 0x201);

// Options of IP

/** The type-of-service byte. */
export const IP_TOS: number = on(1, 3);
/** How many hops a packet may take. */
export const IP_TTL: number = on(2, 4);
/** Whether packets of a raw socket bring their own header. */
export const IP_HDRINCL: number = on(3, 2);
/** The path's largest packet; connected sockets only. Linux. */
export const IP_MTU: number = on(14, -1);
/** Whether packets may be fragmented. Linux. */
export const IP_MTU_DISCOVER: number = on(10, -1);
/** Whether bind to port 0 leaves the port to connect. Linux. */
export const IP_BIND_ADDRESS_NO_PORT: number = on(24, -1);
/** The interface multicast goes out on. */
export const IP_MULTICAST_IF: number = on(32, 9);
/** How many hops multicast may take. */
export const IP_MULTICAST_TTL: number = on(33, 10);
/** Whether this machine gets its own multicast. */
export const IP_MULTICAST_LOOP: number = on(34, 11);
/** Joins a multicast group (`struct ip_mreq`). */
export const IP_ADD_MEMBERSHIP: number = on(35, 12);
/** Leaves a multicast group (`struct ip_mreq`). */
export const IP_DROP_MEMBERSHIP: number = on(36, 13);
/** How many hops a packet may take. */
export const IPV6_UNICAST_HOPS: number = on(16, 4);
/** The interface multicast goes out on, by index. */
export const IPV6_MULTICAST_IF: number = on(17, 9);
/** How many hops multicast may take. */
export const IPV6_MULTICAST_HOPS: number = on(18, 10);
/** Whether this machine gets its own multicast. */
export const IPV6_MULTICAST_LOOP: number = on(19, 11);
/** Joins a multicast group (`struct ipv6_mreq`). */
export const IPV6_JOIN_GROUP: number = on(20, 12);
/** Leaves a multicast group (`struct ipv6_mreq`). */
export const IPV6_LEAVE_GROUP: number = on(21, 13);
/** Whether an IPv6 socket leaves IPv4 alone. */
export const IPV6_V6ONLY: number = on(26, 27);
/** The traffic class. */
export const IPV6_TCLASS: number = on(67, 36);

// Flags of send and receive

/** Urgent data. */
export const MSG_OOB: number = 0x1;
/** Look without taking. */
export const MSG_PEEK: number = 0x2;
/** Only to a directly connected network. */
export const MSG_DONTROUTE: number = 0x4;
/** Ancillary data did not fit; a result. */
export const MSG_CTRUNC: number = on(0x8, 0x20);
/** The message did not fit; a result. On Linux also asks for its real length. */
export const MSG_TRUNC: number = on(0x20, 0x10);
/** Never block, whatever the descriptor says. */
export const MSG_DONTWAIT: number = on(0x40, 0x80);
/** The end of a record. */
export const MSG_EOR: number = on(0x80, 0x8);
/** Wait for all bytes; for blocking descriptors. */
export const MSG_WAITALL: number = on(0x100, 0x40);
/** Take from the queue of errors. Linux. */
export const MSG_ERRQUEUE: number = on(0x2000, 0);
/** No signal when the peer is gone. Always set; macOS has SO_NOSIGPIPE. */
export const MSG_NOSIGNAL: number = on(0x4000, 0);
/** More will follow at once. Linux. */
export const MSG_MORE: number = on(0x8000, 0);
/** Received descriptors are closed on exec. Always set on Linux. */
export const MSG_CMSG_CLOEXEC: number = on(0x40000000, 0);

// Ancillary messages

/** Descriptors. */
export const SCM_RIGHTS: number = 1;
/** Who sent the message. Linux. */
export const SCM_CREDENTIALS: number = on(2, -1);

// How to shut down

/** No more receiving. */
export const SHUT_RD: number = 0;
/** No more sending: the peer reads the end. */
export const SHUT_WR: number = 1;
/** Neither. */
export const SHUT_RDWR: number = 2;

// How to open

/** To read. */
export const O_RDONLY: number = 0;
/** To write. */
export const O_WRONLY: number = 1;
/** To read and write. */
export const O_RDWR: number = 2;
/** Make the file if there is none. */
export const O_CREAT: number = on(0o100, 0x200);
/** With O_CREAT: fail if there is one. */
export const O_EXCL: number = on(0o200, 0x800);
/** Empty the file. */
export const O_TRUNC: number = on(0o1000, 0x400);
/** Write at the end. */
export const O_APPEND: number = on(0o2000, 0x8);
/** Never block. Always set by `open`. */
export const O_NONBLOCK: number = on(0o4000, 0x4);
/** Closed on exec. Always set by `open`. */
export const O_CLOEXEC: number = on(0o2000000, 0x1000000);

// Limits

/** The largest backlog that makes sense by default. */
export const SOMAXCONN: number = on(4096, 128);
