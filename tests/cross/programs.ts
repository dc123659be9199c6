/**
 * The programs at the other end, and how each is told what to do:
 *
 * - `pump`: standard input goes to us, what comes from us to standard output, each with its end.
 * - `outlast`: as `pump`, and what comes on standard input after our end still goes to us.
 * - `echo`: gives back what comes, and ends after us.
 * - `digest`: reads to our end, and only then answers, with the SHA-256 of it all.
 * - `reset`: when told to on standard input, resets the connection. On a Unix socket it is what it
 *   has left unread that makes its close a reset.
 * - `messages`: a server takes messages up to `end`, answers with what it saw, and gives them
 *   back; a client sends messages of the given sizes and `end`, and prints what it is given back.
 */
import { splitHostPort } from "../../net/mod.ts";
import type { Network } from "../../net/mod.ts";

/** What a program does with a connection. */
export type Mode = "pump" | "outlast" | "echo" | "digest" | "reset" | "messages";

/** Who connects. */
export type Role = "serve" | "call";

/** What a program is to do. */
export interface Task {
  readonly role: Role;
  readonly network: Network;
  readonly mode: Mode;
  /** Where to listen (port 0: a free one) or where to call. */
  readonly address: string;
  /** The sizes of the messages to send. */
  readonly sizes?: readonly number[];
}

/** A program that can be the other end. */
export interface Program {
  readonly name: string;
  /** What it can do. */
  readonly modes: Readonly<Record<Role, readonly Mode[]>>;
  /** Whether it is not installed. */
  readonly missing: boolean;
  /** The command line of a task. */
  command(task: Task): string[] | Promise<string[]>;
}

/** Whether a program is not there, which is said once. */
function missing(program: string, ...args: string[]): boolean {
  try {
    // Started it is: whatever code it ends with, it is there.
    new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).outputSync();
    return false;
  } catch {
    console.log(`${program} is not installed: its tests are skipped`);
    return true;
  }
}

const here = (file: string) => new URL(`peers/${file}`, import.meta.url).pathname;

const args = ({ role, network, mode, address, sizes = [] }: Task) => [
  ...[role, network, mode, address],
  ...sizes.map(String),
];

const scripted: Mode[] = ["pump", "outlast", "echo", "digest", "reset", "messages"];

const python: Program = {
  name: "python3",
  modes: { serve: scripted, call: scripted },
  missing: missing("python3", "-V"),
  command: (task) => ["python3", here("peer.py"), ...args(task)],
};

let built: Promise<string> | undefined;

/** Compiles the peer in Go, once. */
async function build(): Promise<string> {
  const dir = await Deno.makeTempDir();
  globalThis.addEventListener("unload", () => Deno.removeSync(dir, { recursive: true }));
  const { success, stderr } = await new Deno.Command("go", {
    args: ["build", "-o", `${dir}/peer`, here("peer.go")],
    env: { CGO_ENABLED: "0", ...Deno.env.has("HOME") ? {} : { GOCACHE: `${dir}/cache` } },
  }).output();
  if (!success) throw new Error(`go build: ${new TextDecoder().decode(stderr)}`);
  return `${dir}/peer`;
}

const go: Program = {
  name: "go",
  modes: { serve: scripted, call: scripted },
  missing: missing("go", "version"),
  command: async (task) => [await (built ??= build()), ...args(task)],
};

/** socat's half of a task: commands that do what the mode says with standard input and output. */
const socatEnds: Partial<Record<Mode, string>> = {
  pump: "STDIO",
  outlast: "STDIO",
  echo: "EXEC:cat",
  digest: "EXEC:sha256sum",
};
const socatModes = Object.keys(socatEnds) as Mode[];

/** socat's address of a network. */
export function socatAddress({ role, network, address }: Omit<Task, "mode">): string {
  const to = role === "serve" ? "LISTEN" : "CONNECT";
  if (network === "unix") return `UNIX-${to}:${address}`;
  if (network === "unixpacket") return `UNIX-${to}:${address},type=5`;
  if (network === "unixgram") {
    return role === "serve"
      ? `UNIX-RECVFROM:${address}`
      : `UNIX-SENDTO:${address},bind=${address}.peer`;
  }
  const { host, port } = splitHostPort(address);
  const bare = host.includes(":") ? `[${host}]` : host;
  const name = network.toUpperCase();
  return role === "serve"
    ? `${name}-LISTEN:${port},bind=${bare}`
    : `${name}${network.startsWith("tcp") ? "" : "-CONNECT"}:${bare}:${port}`;
}

/** socat between a network and an address of its own. */
export const socatCommand = (task: Omit<Task, "mode">, end: string): string[] => [
  // -d -d says where it listens; -t: how long the other direction may go on after one has ended.
  ...["socat", "-d", "-d", "-t", "20", "-b", "65536", socatAddress(task), end],
];

const socat: Program = {
  name: "socat",
  modes: { serve: socatModes, call: socatModes },
  missing: missing("socat", "-V"),
  command: (task) => socatCommand(task, socatEnds[task.mode]!),
};

/** OpenBSD's netcat: -N passes the end of standard input on; where it listens comes with -v. */
const nc: Program = {
  name: "nc",
  // With -l it leaves when its peer has stopped writing.
  modes: { serve: ["pump"], call: ["pump", "outlast"] },
  missing: missing("nc", "-h"),
  command({ role, network, address }) {
    const listening = role === "serve" ? ["-l", "-v"] : [];
    if (network === "unix") return ["nc", ...listening, "-N", "-U", address];
    const { host, port } = splitHostPort(address);
    return ["nc", `-${network.at(-1)}`, ...listening, "-N", host, port];
  },
};

/** All of them. */
export const programs: readonly Program[] = [socat, nc, python, go];
