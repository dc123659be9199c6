/** Who gets which connection: reuse, limits and queues, apart from all input and output. */
import type { CoarseClock, CoarseTimer } from "../../deadline.ts";

/** What the pool needs of a connection. */
export interface PoolConn {
  /**
   * Closes it.
   *
   * @param reason What whoever waits for it is told.
   */
  close(reason?: unknown): void;
}

/** How many connections there may be. `Infinity`: no limit. */
export interface PoolLimits {
  /** Idle connections in all. */
  readonly maxIdleConns: number;
  /** Idle connections of one host. */
  readonly maxIdleConnsPerHost: number;
  /** Connections of one host: idle, active and being dialed. */
  readonly maxConnsPerHost: number;
  /** Milliseconds after which an idle connection is closed; 0: never. */
  readonly idleConnTimeout: number;
}

/** Somebody who waits for a connection. Exactly one of the two is called, once, or neither. */
export interface Waiter<C> {
  /**
   * It is there.
   *
   * @param conn The connection, from now on active.
   * @param reused Whether an earlier request went over it.
   */
  ready(conn: C, reused: boolean): void;
  /** The dial made for this waiter has failed, or the pool was closed. */
  fail(error: unknown): void;
}

/** Opens a connection, or gives up when the signal says so. */
export type Open<C> = (signal: AbortSignal) => Promise<C>;

/** The connections of one host. */
export interface HostStats {
  /** Being opened. */
  readonly dialing: number;
  /** Carrying a request. */
  readonly active: number;
  /** Kept for a next request. */
  readonly idle: number;
  /** Requests that wait for a connection. */
  readonly waiting: number;
}

/** What became of a connection that was given back. */
export type PutOutcome =
  /** It is kept for a next request. */
  | "idle"
  /** A waiter has it already. */
  | "taken"
  /** There were enough idle ones: it was closed. */
  | "closed";

interface Entry<C> {
  readonly waiter: Waiter<C>;
  readonly open: Open<C>;
  /** Ends its dial, once there is one. */
  dial: AbortController | undefined;
}

interface Host<C> {
  readonly key: string;
  /** The most recently used last. */
  readonly idle: C[];
  /** First come, first served. */
  readonly waiting: Entry<C>[];
  /** The dials under way, whoever waits for them. */
  readonly dials: Set<AbortController>;
  active: number;
}

interface Place<C> {
  readonly host: Host<C>;
  /**
   * Never stopped while the connection lives, only touched: that costs less than starting and
   * stopping the system's timer whenever one connection becomes idle and busy again.
   */
  readonly timer: CoarseTimer;
}

/**
 * Connections by host: the most recently used idle one is reused first, the least recently used of
 * all is closed first. Who finds none waits for whichever comes first, a connection that is given
 * back or its own dial; a dial that nobody needs any more becomes an idle connection.
 */
export class Pool<C extends PoolConn> {
  readonly #limits: PoolLimits;
  readonly #clock: CoarseClock;
  readonly #hosts = new Map<string, Host<C>>();
  readonly #places = new Map<C, Place<C>>();
  /** Every idle connection, the least recently used first. */
  readonly #idle = new Set<C>();
  #closed: { error: unknown } | undefined;

  /**
   * @param limits How many there may be.
   * @param clock What the limit on idleness runs on.
   */
  constructor(limits: PoolLimits, clock: CoarseClock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /**
   * Takes an idle connection, the most recently used.
   *
   * @param key The host.
   * @returns The connection, from now on active; `undefined` when there is none.
   */
  take(key: string): C | undefined {
    const host = this.#hosts.get(key);
    if (host === undefined || host.idle.length === 0) return undefined;
    const conn = host.idle.pop()!;
    this.#idle.delete(conn);
    host.active++;
    return conn;
  }

  /**
   * Waits for a connection. Where the limit allows, one is opened for this waiter.
   *
   * @param key The host.
   * @param open Opens a connection to it.
   * @param waiter Who waits.
   * @returns Stops waiting; harmless afterwards.
   */
  wait(key: string, open: Open<C>, waiter: Waiter<C>): () => void {
    if (this.#closed !== undefined) {
      waiter.fail(this.#closed.error);
      return () => {};
    }
    const host = this.#host(key);
    const entry: Entry<C> = { waiter, open, dial: undefined };
    host.waiting.push(entry);
    if (this.#hasRoom(host)) this.#dial(host, entry);
    else if (host.idle.length > 0) this.#serveIdle(key, entry);
    return () => this.#leave(host, entry);
  }

  /**
   * Gives a connection back that can carry another request. It goes to the first who waits, or
   * becomes idle; beyond the limits one is closed, the least recently used.
   *
   * @param conn An active connection.
   */
  put(conn: C): PutOutcome {
    const place = this.#places.get(conn);
    if (place === undefined) {
      conn.close();
      return "closed";
    }
    const { host } = place;
    const first = host.waiting.shift();
    if (first !== undefined) {
      first.waiter.ready(conn, true);
      return "taken";
    }
    host.active--;
    return this.#rest(conn, place);
  }

  /**
   * Forgets a connection, active or idle, that has ended.
   *
   * @param conn The connection; one that the pool does not know does no harm.
   */
  remove(conn: C): void {
    const place = this.#places.get(conn);
    if (place === undefined) return;
    this.#places.delete(conn);
    place.timer.stop();
    const { host } = place;
    if (this.#idle.delete(conn)) host.idle.splice(host.idle.indexOf(conn), 1);
    else host.active--;
    this.#advance(host);
  }

  /** Closes every idle connection. */
  closeIdle(): void {
    for (const conn of [...this.#idle]) this.#drop(conn);
  }

  /**
   * Closes every connection, idle or active, and ends every dial and every wait.
   *
   * @param error What those who wait get, now and later.
   */
  close(error: unknown): void {
    if (this.#closed !== undefined) return;
    this.#closed = { error };
    for (const host of [...this.#hosts.values()]) {
      for (const dial of host.dials) dial.abort(error);
      for (const { waiter } of host.waiting.splice(0)) waiter.fail(error);
    }
    for (const conn of [...this.#places.keys()]) this.#drop(conn, error);
  }

  /** The present counts, by host; a host without any is left out. */
  stats(): Record<string, HostStats> {
    const all: Record<string, HostStats> = {};
    for (const { key, dials, active, idle, waiting } of this.#hosts.values()) {
      all[key] = { dialing: dials.size, active, idle: idle.length, waiting: waiting.length };
    }
    return all;
  }

  #host(key: string): Host<C> {
    let host = this.#hosts.get(key);
    if (host === undefined) {
      host = { key, idle: [], waiting: [], dials: new Set(), active: 0 };
      this.#hosts.set(key, host);
    }
    return host;
  }

  #hasRoom({ dials, active, idle }: Host<C>): boolean {
    return dials.size + active + idle.length < this.#limits.maxConnsPerHost;
  }

  /** Whoever wanted a new connection, and may have none, gets an old one. */
  #serveIdle(key: string, { waiter }: Entry<C>): void {
    this.#hosts.get(key)!.waiting.pop();
    waiter.ready(this.take(key)!, true);
  }

  #dial(host: Host<C>, entry: Entry<C>): void {
    const dial = entry.dial = new AbortController();
    host.dials.add(dial);
    // The attempt goes to `dialed` or `missed`, whichever way it fails.
    new Promise<C>((resolve) => resolve(entry.open(dial.signal))).then((conn) => {
      host.dials.delete(dial);
      if (this.#closed === undefined) this.#dialed(host, entry, conn);
      else {
        conn.close();
        this.#advance(host);
      }
    }, (error) => {
      host.dials.delete(dial);
      if (unqueue(host, entry)) entry.waiter.fail(error);
      this.#advance(host);
    });
  }

  #dialed(host: Host<C>, entry: Entry<C>, conn: C): void {
    const place: Place<C> = { host, timer: this.#clock.timer(() => this.#expire(conn)) };
    this.#places.set(conn, place);
    const taker = unqueue(host, entry) ? entry : host.waiting.shift();
    if (taker === undefined) {
      this.#rest(conn, place);
    } else {
      host.active++;
      taker.waiter.ready(conn, false);
    }
  }

  /** Makes a connection that nobody has an idle one, within the limits. */
  #rest(conn: C, { host, timer }: Place<C>): PutOutcome {
    const { maxIdleConns, maxIdleConnsPerHost, idleConnTimeout } = this.#limits;
    host.idle.push(conn);
    this.#idle.add(conn);
    if (timer.active) timer.touch();
    else timer.start(idleConnTimeout);
    if (host.idle.length > maxIdleConnsPerHost) {
      // The new one goes, as in Go: the others are more, and one of them is as good.
      this.#drop(conn);
      return "closed";
    }
    if (this.#idle.size > maxIdleConns) {
      for (const oldest of this.#idle) {
        this.#drop(oldest);
        break;
      }
    }
    return "idle";
  }

  #expire(conn: C): void {
    if (this.#idle.has(conn)) return this.#drop(conn);
    // It is busy: its idleness is counted from its end.
    this.#places.get(conn)?.timer.start(this.#limits.idleConnTimeout);
  }

  #drop(conn: C, reason?: unknown): void {
    this.remove(conn);
    conn.close(reason);
  }

  #leave(host: Host<C>, entry: Entry<C>): void {
    if (!unqueue(host, entry)) return;
    // Its dial goes on for the others, if there are any.
    if (host.waiting.length < host.dials.size) entry.dial?.abort(abandoned);
    this.#advance(host);
  }

  /** A place has become free: the first who waits without a dial of its own gets it. */
  #advance(host: Host<C>): void {
    const { dials, active, idle, waiting } = host;
    if (dials.size + active + idle.length + waiting.length === 0) {
      if (this.#hosts.get(host.key) === host) this.#hosts.delete(host.key);
      return;
    }
    while (this.#hasRoom(host)) {
      const next = waiting.find(({ dial }) => dial === undefined);
      if (next === undefined) return;
      this.#dial(host, next);
    }
  }
}

/** Why the dial of a waiter that has left is ended; nobody sees it. */
const abandoned = new DOMException("nobody waits for the connection", "AbortError");

function unqueue<C>(host: Host<C>, entry: Entry<C>): boolean {
  const index = host.waiting.indexOf(entry);
  if (index >= 0) host.waiting.splice(index, 1);
  return index >= 0;
}
