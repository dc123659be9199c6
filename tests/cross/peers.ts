/** Programs at the other end of a socket, each ended with its test. */
import { assertEquals } from "@std/assert";

/** The networks of streams that every peer has. */
export type StreamNetwork = "tcp4" | "tcp6" | "unix";

const found = new Map<string, boolean>();

/** Whether a program is there; said once when it is not. */
function installed(program: string): boolean {
  let there = found.get(program);
  if (there === undefined) {
    const which = new Deno.Command("sh", { args: ["-c", `command -v ${program}`] });
    there = which.outputSync().success;
    if (!there) console.log(`${program} is not installed: its tests are skipped`);
    found.set(program, there);
  }
  return there;
}

/** A test that needs a program. */
export function whenInstalled(program: string, name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !installed(program), fn });
}

/** A running program: what it is told, and what it says. */
export class Peer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  readonly #cleanUp: () => void;
  #said = "";

  constructor(
    program: string,
    args: string[],
    from: "stdout" | "stderr" = "stdout",
    cleanUp = () => {},
  ) {
    this.#cleanUp = cleanUp;
    this.#child = new Deno.Command(program, {
      args,
      stdin: "piped",
      stdout: from === "stdout" ? "piped" : "null",
      stderr: from === "stderr" ? "piped" : "inherit",
      // One that hangs fails its test instead of holding up the run.
      signal: AbortSignal.timeout(30_000),
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#output = this.#child[from].getReader();
  }

  /** Writes to its standard input. */
  async say(text: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(text));
  }

  /** Ends its standard input. */
  async endInput(): Promise<void> {
    await this.#input.close();
  }

  /** The next line it prints. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#said.indexOf("\n");
      if (end >= 0) {
        const line = this.#said.slice(0, end);
        this.#said = this.#said.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#output.read();
      if (done) throw new Error(`the peer ended after ${JSON.stringify(this.#said)}`);
      this.#said += this.#decoder.decode(value, { stream: true });
    }
  }

  /** What it prints until it ends. */
  async rest(): Promise<string> {
    for (;;) {
      const { value, done } = await this.#output.read();
      if (done) break;
      this.#said += this.#decoder.decode(value, { stream: true });
    }
    return this.#said;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.#input.close().catch(() => {});
    await this.#output.cancel();
    await this.#child.status;
    this.#cleanUp();
  }
}

/** A path for a socket, and how to remove what is there. */
function freshPath(): { path: string; remove: () => void } {
  const dir = Deno.makeTempDirSync();
  return { path: `${dir}/socket`, remove: () => Deno.removeSync(dir, { recursive: true }) };
}

/** The "Swiss army knife" of sockets. */
export const socat = {
  /** What makes it dial an address; it waits for the answer after the end of its input. */
  target(network: StreamNetwork, address: string): string[] {
    const kind = network === "unix" ? "UNIX-CONNECT" : network.toUpperCase();
    return ["-t", "10", "-", `${kind}:${address}`];
  },

  /** A server that sends back what it gets. */
  async echoServer(network: StreamNetwork | "unixpacket"): Promise<Peer & { address: string }> {
    const { path, remove } = freshPath();
    const at = {
      tcp4: "TCP4-LISTEN:0,bind=127.0.0.1",
      tcp6: "TCP6-LISTEN:0,bind=[::1]",
      unix: `UNIX-LISTEN:${path}`,
      unixpacket: `UNIX-LISTEN:${path},type=5`, // SOCK_SEQPACKET
    }[network];
    const peer = new Peer("socat", ["-d", "-d", "-t", "10", at, "EXEC:cat"], "stderr", remove);
    for (;;) {
      const [, listening] = /listening on (.*)/.exec(await peer.line()) ?? [];
      if (listening === undefined) continue;
      const [, port] = /:(\d+)$/.exec(listening) ?? [];
      const tcp = {
        tcp4: `127.0.0.1:${port}`,
        tcp6: `[::1]:${port}`,
        unix: path,
        unixpacket: path,
      };
      const address = tcp[network];
      return Object.assign(peer, { address });
    }
  },
};

const python = `
import hashlib, os, socket, struct, sys, threading
mode, network, address = sys.argv[1:4]
family = {"tcp4": socket.AF_INET, "tcp6": socket.AF_INET6, "unix": socket.AF_UNIX}[network]
def say(*words): print(*words, flush=True)
def both_ways(conn):
    data = os.urandom(1 << 20)
    def send():
        conn.sendall(data)
        conn.shutdown(socket.SHUT_WR)
    sender = threading.Thread(target=send)
    sender.start()
    got = hashlib.sha256()
    while part := conn.recv(65536): got.update(part)
    sender.join()
    say("sent", hashlib.sha256(data).hexdigest())
    say("got", got.hexdigest())
conn = socket.socket(family, socket.SOCK_STREAM)
if mode == "dial":
    host, _, port = address.rpartition(":")
    conn.connect(address if network == "unix" else (host.strip("[]"), int(port)))
    both_ways(conn)
else:
    conn.bind(address if network == "unix" else ({"tcp4": "127.0.0.1", "tcp6": "::1"}[network], 0))
    conn.listen()
    name = conn.getsockname()
    say(address if network == "unix" else {"tcp4": "127.0.0.1:%d", "tcp6": "[::1]:%d"}[network] % name[1])
    conn = conn.accept()[0]
    if mode == "listen": both_ways(conn)
    if mode == "first":
        conn.sendall(b"that is all")
        conn.shutdown(socket.SHUT_WR)
        heard = b""
        while part := conn.recv(100): heard += part
        say("heard", heard.decode())
    if mode == "reset":
        conn.recv(1)
        if network != "unix": conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        conn.close()
        say("gone")
`;

/** What a stream peer does: dials, is dialed, half-closes first, or goes away. */
export type StreamMode = "dial" | "listen" | "first" | "reset";

/** Python's `socket`. The first line of one that is dialed is its address. */
export function pythonStream(mode: StreamMode, network: StreamNetwork, address: string): Peer {
  const { path, remove } = freshPath();
  const at = address || path;
  return new Peer("python3", ["-c", python, mode, network, at], "stdout", remove);
}

const go = `package main

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"os"
)

type halfCloser interface {
	net.Conn
	CloseWrite() error
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	mode, network, address := os.Args[1], os.Args[2], os.Args[3]
	var conn net.Conn
	var err error
	if mode == "dial" {
		conn, err = net.Dial(network, address)
	} else {
		var listener net.Listener
		listener, err = net.Listen(network, address)
		check(err)
		fmt.Println(listener.Addr())
		conn, err = listener.Accept()
	}
	check(err)
	data := make([]byte, 1<<20)
	_, err = rand.Read(data)
	check(err)
	sent := make(chan error)
	go func() {
		if _, err := conn.Write(data); err != nil {
			sent <- err
			return
		}
		sent <- conn.(halfCloser).CloseWrite()
	}()
	got := sha256.New()
	_, err = io.Copy(got, conn)
	check(err)
	check(<-sent)
	fmt.Printf("sent %x\\n", sha256.Sum256(data))
	fmt.Printf("got %x\\n", got.Sum(nil))
}
`;

let built: string | undefined;

/** Compiles the Go peer once for all its tests. */
function goProgram(): string {
  if (built !== undefined) return built;
  const dir = Deno.makeTempDirSync();
  globalThis.addEventListener("unload", () => Deno.removeSync(dir, { recursive: true }));
  Deno.writeTextFileSync(`${dir}/main.go`, go);
  const build = new Deno.Command("go", {
    args: ["build", "-o", `${dir}/peer`, `${dir}/main.go`],
    env: { GO111MODULE: "off", GOCACHE: `${dir}/cache`, GOFLAGS: "", CGO_ENABLED: "0" },
  }).outputSync();
  assertEquals(build.code, 0, new TextDecoder().decode(build.stderr));
  return built = `${dir}/peer`;
}

/** Go's `net`. The first line of one that is dialed is its address. */
export function goStream(
  mode: "dial" | "listen",
  network: StreamNetwork,
  address: string,
): Peer {
  const { path, remove } = freshPath();
  const at = address || { tcp4: "127.0.0.1:0", tcp6: "[::1]:0", unix: path }[network];
  return new Peer(goProgram(), [mode, network, at], "stdout", remove);
}
