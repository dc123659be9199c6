/**
 * Where names are looked up in this runtime: the hosts file, the C library's `getaddrinfo`, and
 * the runtime's own DNS client. What each can and cannot do is in
 * `docs/decisions/0002-name-lookups.md`.
 */
import { lookup } from "node:dns";
import { type Clock, systemClock, TimeoutError } from "../../deadline.ts";
import { DnsError } from "../errors.ts";
import { type Hosts, parseHosts } from "../hosts.ts";
import { parseServices, type Services } from "../services.ts";

/** A DNS server to ask. */
export interface NameServer {
  /** Its IP address. */
  ipAddr: string;
  /** Its port; 53 by default. */
  port?: number;
}

/** What a question of each type is answered with. */
export interface DnsAnswers {
  /** IPv4 addresses. */
  A: string;
  /** IPv6 addresses. */
  AAAA: string;
  /** The name this one is an alias of. */
  CNAME: string;
  /** Mail servers. */
  MX: Deno.MxRecord;
  /** The names of an address. */
  PTR: string;
  /** Servers of a service. */
  SRV: Deno.SrvRecord;
  /** Texts, each in the parts it was sent in. */
  TXT: string[];
}

/** The lookups a resolver is made of; every failure is a {@linkcode DnsError}. */
export interface NameSystem {
  /** Tells the time of every wait. */
  readonly clock: Clock;
  /** The hosts file, or `undefined` when it is not there or may not be read. */
  hosts(path?: string): Hosts | undefined;
  /** The services file, on the same terms. */
  services(): Services | undefined;
  /** Whether any name server may be asked, and the DNS is what `getaddrinfo` would ask. */
  readonly mayQuery: boolean;
  /** Asks the C library. Cannot be called off. */
  getAddrInfo(host: string, family: 0 | 4 | 6): Promise<string[]>;
  /** Asks the DNS; rejects with the signal's reason when it aborts. */
  query<T extends keyof DnsAnswers>(
    name: string,
    type: T,
    options: { signal: AbortSignal; nameServer?: NameServer },
  ): Promise<DnsAnswers[T][]>;
}

const windows = Deno.build.os === "windows";
const defaultHostsPath = windows ? "C:\\Windows\\System32\\drivers\\etc\\hosts" : "/etc/hosts";
const defaultServicesPath = windows
  ? "C:\\Windows\\System32\\drivers\\etc\\services"
  : "/etc/services";

/** How long a file is trusted before its change time is looked at again, as in Go. */
const maxAge = 5_000;

/**
 * A small system file, parsed and kept until it changes. Never asks for a permission.
 *
 * It is read synchronously on purpose: asynchronous reads share a pool of threads with
 * `getaddrinfo`, so that dead name servers could keep the hosts file from being read.
 */
export class CachedFile<T> {
  readonly #path: string;
  readonly #parse: (text: string) => T;
  readonly #clock: Clock;
  #value: T | undefined;
  #version = "";
  #checkedAt = -Infinity;

  /**
   * Reads nothing yet.
   *
   * @param path The file.
   * @param parse Makes the value of its text.
   * @param clock The clock; the system's by default.
   */
  constructor(path: string, parse: (text: string) => T, clock: Clock = systemClock) {
    this.#path = path;
    this.#parse = parse;
    this.#clock = clock;
  }

  /** What is in the file, at most 5 s ago; `undefined` when it is not there or not readable. */
  read(): T | undefined {
    const now = this.#clock.now();
    if (now - this.#checkedAt < maxAge) return this.#value;
    this.#checkedAt = now;
    try {
      if (!mayRead(this.#path)) throw new Deno.errors.NotCapable(this.#path);
      const { mtime, size } = Deno.statSync(this.#path);
      const version = `${mtime?.getTime()} ${size}`;
      if (version !== this.#version) this.#value = this.#parse(Deno.readTextFileSync(this.#path));
      this.#version = version;
    } catch {
      this.#value = undefined;
      this.#version = "";
    }
    return this.#value;
  }
}

function mayRead(path: string): boolean {
  return Deno.permissions.querySync({ name: "read", path }).state === "granted";
}

const hostsFiles = new Map<string, CachedFile<Hosts>>();
const servicesFile = new CachedFile(defaultServicesPath, parseServices);

/** The lookups of this process. */
export const runtimeNames: NameSystem = {
  clock: systemClock,

  hosts(path: string = defaultHostsPath): Hosts | undefined {
    let file = hostsFiles.get(path);
    if (file === undefined) hostsFiles.set(path, file = new CachedFile(path, parseHosts));
    return file.read();
  },

  services: (): Services | undefined => servicesFile.read(),

  // Only Linux keeps its DNS settings where the runtime's client looks for all of them.
  get mayQuery(): boolean {
    return Deno.build.os === "linux" &&
      Deno.permissions.querySync({ name: "net" }).state === "granted";
  },

  getAddrInfo(host: string, family: 0 | 4 | 6): Promise<string[]> {
    return new Promise((resolve, reject) => {
      lookup(host, { all: true, family, verbatim: true }, (error, addresses) => {
        if (error) reject(fromGetAddrInfo(host, error));
        else resolve(addresses.map(({ address }) => address));
      });
    });
  },

  async query<T extends keyof DnsAnswers>(
    name: string,
    type: T,
    options: { signal: AbortSignal; nameServer?: NameServer },
  ): Promise<DnsAnswers[T][]> {
    try {
      return await Deno.resolveDns(name, type as "A", options) as unknown as DnsAnswers[T][];
    } catch (error) {
      if (options.signal.aborted) throw options.signal.reason;
      throw fromResolveDns(name, error);
    }
  },
};

/** The failure of a name that is not there. */
export function noSuchHost(host: string, cause?: unknown): DnsError {
  const why = { host, reason: "no such host", code: "ENOTFOUND", notFound: true };
  return new DnsError(cause === undefined ? why : { ...why, cause });
}

function denied(host: string, cause: Error): DnsError {
  return new DnsError({ host, reason: cause.message, code: "ERR_NOT_CAPABLE", cause });
}

function fromGetAddrInfo(host: string, error: NodeJS.ErrnoException): DnsError {
  if (error.code === "ENOTFOUND") return noSuchHost(host, error);
  if (error.code === "EPERM") {
    const flag = `run again with the --allow-net=${host} flag`;
    const message = `Requires net access to ${JSON.stringify(host)}, ${flag}`;
    return denied(host, new Deno.errors.NotCapable(message, { cause: error }));
  }
  return failed(host, error);
}

function fromResolveDns(host: string, error: unknown): DnsError {
  if (error instanceof Deno.errors.NotFound) return noSuchHost(host, error);
  if (error instanceof Deno.errors.NotCapable) return denied(host, error);
  if (error instanceof Deno.errors.TimedOut) {
    return timedOut(
      host,
      new TimeoutError("the name server did not answer", {
        phase: "dns",
        cause: error,
      }),
    );
  }
  return failed(host, error);
}

function failed(host: string, cause: unknown): DnsError {
  const reason = "temporary failure in name resolution";
  return new DnsError({ host, reason, code: "EAI_AGAIN", temporary: true, cause });
}

/** The failure of a lookup that took too long. */
export function timedOut(host: string, cause: TimeoutError): DnsError {
  return new DnsError({ host, reason: cause.message, code: "ETIMEDOUT", timeout: true, cause });
}
