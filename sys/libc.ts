/**
 * The C library of the process: which one, its symbols per platform, and `errno`.
 *
 * Lengths are declared `u32` and results `i32`, although C says `size_t` and `ssize_t`: the
 * runtime compiles those to plain calls, and the kernel moves less than 2 GiB at a time anyway.
 */
import { EAGAIN } from "./errno.ts";
import { SyscallError, UnsupportedError } from "./errors.ts";

/** Whether this is macOS; everything else that is supported is Linux. */
export const darwin: boolean = Deno.build.os === "darwin";
const appleSilicon = darwin && Deno.build.arch === "aarch64";

// `errno` is copied out with memcpy, and addresses are what memcpy returns, because the
// runtime's own pointer functions need an unscoped --allow-ffi.
const common = {
  saveErrno: { name: "memcpy", parameters: ["buffer", "u64", "u32"], result: "void" },
  addressOf: { name: "memcpy", parameters: ["buffer", "buffer", "u32"], result: "u64" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  inet_ntop: { parameters: ["i32", "buffer", "buffer", "u32"], result: "u64" },
  inet_pton: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  mkfifo: { parameters: ["buffer", "u32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  recvfrom: { parameters: ["i32", "buffer", "u32", "i32", "buffer", "buffer"], result: "i32" },
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  sendmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  sendto: { parameters: ["i32", "buffer", "u32", "i32", "buffer", "u32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  write: { parameters: ["i32", "buffer", "u32"], result: "i32" },
} as const;

const linuxOnly = {
  errnoLocation: { name: "__errno_location", parameters: [], result: "u64" },
  accept4: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  epollBlock: {
    name: "epoll_wait",
    parameters: ["i32", "buffer", "i32", "i32"],
    result: "i32",
    nonblocking: true,
  },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  recvmmsg: { parameters: ["i32", "buffer", "u32", "i32", "buffer"], result: "i32" },
  sendmmsg: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
} as const;

const kevent = ["i32", "buffer", "i32", "buffer", "i32", "buffer"] as const;
const darwinOnly = {
  errnoLocation: { name: "__error", parameters: [], result: "u64" },
  accept: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  kevent: { parameters: kevent, result: "i32" },
  keventBlock: { name: "kevent", parameters: kevent, result: "i32", nonblocking: true },
  kqueue: { parameters: [], result: "i32" },
  pipe: { parameters: ["buffer"], result: "i32" },
} as const;

/** Variadic functions on macOS x86-64: as everywhere, the further argument is in a register. */
const darwinVariadicX64 = {
  fcntl: { parameters: ["i32", "i32", "u64"], result: "i32" },
  open: { parameters: ["buffer", "i32", "u64"], result: "i32" },
} as const;

/** On Apple silicon it is on the stack: six unused arguments fill the registers before it. */
const unused = ["u64", "u64", "u64", "u64", "u64", "u64"] as const;
const darwinVariadicArm64 = {
  fcntl: { parameters: ["i32", "i32", ...unused, "u64"], result: "i32" },
  open: { parameters: ["buffer", "i32", ...unused, "u64"], result: "i32" },
} as const;

type Calls<D extends Deno.ForeignLibraryInterface> = Deno.DynamicLibrary<D>["symbols"];
type Shared = Calls<typeof common> & { errnoLocation(): bigint };

let symbols: Shared | undefined;
let loadedFrom: string | undefined;

function definitions(): Deno.ForeignLibraryInterface {
  if (!darwin) return { ...common, ...linuxOnly };
  const variadic = appleSilicon ? darwinVariadicArm64 : darwinVariadicX64;
  return { ...common, ...darwinOnly, ...variadic };
}

/** Names of the C library this process has loaded already, the most likely first. */
function candidates(): string[] {
  if (darwin) return ["libSystem.B.dylib", "/usr/lib/libSystem.B.dylib"];
  const { arch, target } = Deno.build;
  if (target.includes("musl")) {
    const name = `libc.musl-${arch}.so.1`;
    return [name, `/lib/ld-musl-${arch}.so.1`, `/lib/${name}`, `/usr/lib/${name}`];
  }
  const places = [`/lib/${arch}-linux-gnu`, `/usr/lib/${arch}-linux-gnu`];
  places.push("/lib64", "/usr/lib64", "/lib", "/usr/lib");
  return ["libc.so.6", ...places.map((place) => `${place}/libc.so.6`)];
}

/** Looks, and never asks: a prompt in the middle of a system call helps nobody. */
const mayLoad = (path: string) =>
  Deno.permissions.querySync({ name: "ffi" }).state === "granted" ||
  path.startsWith("/") && Deno.permissions.querySync({ name: "ffi", path }).state === "granted";

function refuseOtherPlatforms(): void {
  const { os, arch } = Deno.build;
  if ((os === "linux" || os === "darwin") && (arch === "x86_64" || arch === "aarch64")) return;
  throw new UnsupportedError(
    "a system call",
    `sys knows Linux and macOS on x86-64 and aarch64, not ${os} on ${arch}`,
  );
}

/**
 * Opens further functions of the C library, for those who need more than this module calls.
 *
 * @throws {UnsupportedError} No permission, no library found, or an unknown platform.
 */
export function openLibc<const D extends Deno.ForeignLibraryInterface>(wanted: D): Calls<D> {
  refuseOtherPlatforms();
  const paths = loadedFrom === undefined ? candidates() : [loadedFrom];
  const allowed = paths.filter(mayLoad);
  if (allowed.length === 0) {
    const example = paths.find((path) => path.startsWith("/"));
    throw new UnsupportedError(
      "a system call",
      `it needs --allow-ffi, or for the C library alone --allow-ffi=<path>, such as ${example}`,
    );
  }
  let cause: unknown;
  for (const path of allowed) {
    try {
      const library = Deno.dlopen(path, wanted);
      loadedFrom = path;
      return library.symbols;
    } catch (error) {
      cause = error;
    }
  }
  throw new UnsupportedError("a system call", `no C library at ${allowed.join(", ")}`, { cause });
}

function load(): Shared {
  const opened = openLibc(definitions()) as unknown as Shared;
  errnoAt = opened.errnoLocation();
  return symbols = opened;
}

/**
 * Says where the C library is, for a system that keeps it in none of the usual places. Needed
 * only then, and before the first system call: it must be the library the process runs with.
 * Needs `--allow-ffi`, or `--allow-ffi=<path>` with this very path.
 *
 * ```ts ignore
 * import { useLibc } from "@plumb/plumb/sys";
 *
 * useLibc("/opt/sysroot/lib/libc.so.6");
 * ```
 *
 * @param path The absolute path of the library.
 * @throws {TypeError} `path` is not absolute, or another library is in use already.
 * @throws {UnsupportedError} The permission is missing, or the library cannot be opened.
 */
export function useLibc(path: string): void {
  if (!path.startsWith("/")) {
    throw new TypeError(`the path of the C library must be absolute, got ${JSON.stringify(path)}`);
  }
  if (symbols !== undefined) {
    if (path === loadedFrom) return;
    throw new TypeError(`cannot use ${JSON.stringify(path)}: ${loadedFrom} is in use already`);
  }
  const before = loadedFrom;
  loadedFrom = path;
  try {
    load();
  } catch (error) {
    loadedFrom = before;
    throw error;
  }
}

/** Whether system calls can be made: the platform is known and the library may be loaded. */
export function available(): boolean {
  if (symbols !== undefined) return true;
  try {
    load();
    return true;
  } catch (error) {
    if (error instanceof UnsupportedError) return false;
    throw error;
  }
}

/** The functions every platform has. */
export const libc = (): Calls<typeof common> => symbols ?? load();
/** Those of Linux; to be called there only. */
export const linux = (): Calls<typeof common & typeof linuxOnly> =>
  (symbols ?? load()) as unknown as Calls<typeof common & typeof linuxOnly>;
/** Those of macOS; to be called there only. */
export const macos = (): Calls<typeof common & typeof darwinOnly> =>
  (symbols ?? load()) as unknown as Calls<typeof common & typeof darwinOnly>;

/** Memory that a struct may point to or the kernel may write to: never moved by the collector. */
export const bytes = (length: number): Uint8Array<ArrayBuffer> =>
  new Uint8Array(new ArrayBuffer(length));

// Reading `errno`. A collection of garbage between the failed call and the reading of its errno
// can change it: the collector's threads wait for each other by system calls, and leave EAGAIN
// of all numbers. It can happen where something is allocated and where a function begins, ends
// or loops. So each call copies errno itself, with nothing in between:
//
//   if (c.bind(...) < 0) throw failure("bind", c.saveErrno(errnoOut, errnoAt, 4));

const errnoCopy = new Int32Array(new ArrayBuffer(4));
/** Where `saveErrno` copies to. */
export const errnoOut: Uint8Array<ArrayBuffer> = new Uint8Array(errnoCopy.buffer);
/** Where this thread keeps `errno`: asked once, since an isolate never changes its thread. */
export let errnoAt = 0n;

/** What `saveErrno` copied last. */
export function savedErrno(_saved: void): number {
  return errnoCopy[0];
}

/** The error of a call that failed. */
export function failure(syscall: string, _saved: void): SyscallError {
  return new SyscallError(syscall, errnoCopy[0]);
}

/** The same for calls on non-blocking descriptors: `null` says that it would have to wait. */
export function notReady(syscall: string, _saved: void): null {
  if (errnoCopy[0] === EAGAIN) return null;
  throw new SyscallError(syscall, errnoCopy[0]);
}

/** The address of a buffer, for a struct; the caller keeps a reference to the buffer. */
export function addressOf(p: Uint8Array): bigint {
  // A small array lives in the collector's heap, and moves, until somebody asks for its buffer.
  if (p.buffer.byteLength === 0) return 0n;
  return libc().addressOf(p as Uint8Array<ArrayBuffer>, p as Uint8Array<ArrayBuffer>, 0);
}

type Padded = (
  ...values: [a: unknown, b: number, c: 0, d: 0, e: 0, f: 0, g: 0, h: 0, last: number]
) => number;

/** `fcntl` with a number as its argument. */
export function fcntl(fd: number, command: number, value: number): number {
  const c = linux();
  const result = appleSilicon
    ? (c.fcntl as unknown as Padded)(fd, command, 0, 0, 0, 0, 0, 0, value)
    : c.fcntl(fd, command, value);
  if (result < 0) throw failure("fcntl", c.saveErrno(errnoOut, errnoAt, 4));
  return result;
}

/** `open`, which is variadic too; when it gives less than 0, `errno` has been saved. */
export function openFile(path: Uint8Array<ArrayBuffer>, flags: number, mode: number): number {
  const c = linux();
  const fd = appleSilicon
    ? (c.open as unknown as Padded)(path, flags, 0, 0, 0, 0, 0, 0, mode)
    : c.open(path, flags, mode);
  if (fd < 0) c.saveErrno(errnoOut, errnoAt, 4);
  return fd;
}

const encoder = new TextEncoder();

/** A string for C. A NUL within it would cut it short: it is refused. */
export function cString(what: string, text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) {
    throw new TypeError(`${what} must not contain NUL, got ${JSON.stringify(text)}`);
  }
  return encoder.encode(text + "\0");
}
